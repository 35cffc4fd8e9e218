#include "tests/torch/memory_checkpoint.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "store/torch/training_state.h"

namespace lastgood::test {

MemoryCheckpoint::MemoryCheckpoint(const TrainingState& state) {
  const Capture capture = state.capture();
  for (const TensorView& view : capture.views()) {
    MemoryEntry entry{view.spec, {}};
    const bool has_bytes = view.spec.alias_of.empty() && view.spec.byte_count() > 0;
    if (has_bytes) entry.bytes.assign(static_cast<const char*>(view.data), view.spec.byte_count());
    entries_.push_back(std::move(entry));
  }
}

RestoreReport MemoryCheckpoint::restore(TrainingState& state, const RestoreOptions& options) {
  std::vector<EntrySpec> specs;
  for (const MemoryEntry& entry : entries_) specs.push_back(entry.spec);
  return state.impl().restore_from("Checkpoint 7", specs, options, [this](std::span<const TensorSlot> slots) {
    before_load(slots);
    for (const TensorSlot& slot : slots) {
      const MemoryEntry& source = entry(slot.spec.name);
      if (source.spec != slot.spec) throw std::logic_error("a slot of another kind for " + slot.spec.name);
      // As a store does, an alias brings its owner's bytes.
      const std::string& bytes = source.spec.alias_of.empty() ? source.bytes : entry(source.spec.alias_of).bytes;
      if (!bytes.empty()) std::memcpy(slot.data, bytes.data(), bytes.size());
    }
  });
}

MemoryEntry& MemoryCheckpoint::entry(const std::string& name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](auto& e) { return e.spec.name == name; });
  if (found == entries_.end()) throw std::out_of_range("no entry " + name);
  return *found;
}

bool MemoryCheckpoint::has(const std::string& name) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& e) { return e.spec.name == name; });
}

void MemoryCheckpoint::remove(const std::string& name) {
  std::erase_if(entries_, [&](const MemoryEntry& e) { return e.spec.name == name; });
}

void MemoryCheckpoint::put(const std::string& name, const std::string& text) {
  entry(name).bytes = text;
  entry(name).spec.shape = {static_cast<std::int64_t>(text.size())};
}

std::vector<std::string> MemoryCheckpoint::names(Section section) const {
  std::vector<std::string> found;
  for (const MemoryEntry& e : entries_) {
    if (e.spec.section == section) found.push_back(e.spec.name);
  }
  return found;
}

}  // namespace lastgood::test

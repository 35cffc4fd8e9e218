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

void MemoryCheckpoint::restore(TrainingState& state) {
  std::vector<EntrySpec> specs;
  for (const MemoryEntry& entry : entries_) specs.push_back(entry.spec);
  state.impl().restore_from("Checkpoint 7", specs, [this](std::span<const TensorSlot> slots) {
    before_load(slots);
    for (const TensorSlot& slot : slots) {
      const MemoryEntry& source = entry(slot.spec.name);
      if (source.spec != slot.spec) throw std::logic_error("a slot of another kind for " + slot.spec.name);
      if (!source.bytes.empty()) std::memcpy(slot.data, source.bytes.data(), source.bytes.size());
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

// In one process and without a store, so that it costs seconds, not a restart. What it cannot show is what only a new
// process lacks: a global of the user's, a file that is read on from where it was.
#include <cstddef>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include <lastgood/error.h>
#include <lastgood/torch/doctor.h>

#include "store/torch/training_state.h"

namespace lastgood {
namespace {

/// A state in memory, byte by byte.
/// Copied at once, as the training goes on with the live tensors.
class MemoryState {
 public:
  explicit MemoryState(const TrainingState& state) {
    const Capture capture = state.capture();
    for (const TensorView& view : capture.views()) {
      const std::size_t size = view.spec.alias_of.empty() ? view.spec.byte_count() : 0;
      const auto* begin = static_cast<const std::byte*>(view.data);
      specs_.push_back(view.spec);
      std::vector<std::byte>& bytes = contents_[{view.spec.section, view.spec.name}];
      if (size != 0) bytes.assign(begin, begin + size);
    }
  }

  const std::vector<EntrySpec>& specs() const noexcept { return specs_; }
  const std::vector<std::byte>& bytes(const EntrySpec& entry) const {
    return contents_.at({entry.section, entry.name});
  }

  void fill(std::span<const TensorSlot> slots) const {
    for (const TensorSlot& slot : slots) {
      const std::vector<std::byte>& from = bytes(slot.spec);
      if (!from.empty()) std::memcpy(slot.data, from.data(), from.size());
    }
  }

 private:
  std::vector<EntrySpec> specs_;
  std::map<std::pair<Section, std::string>, std::vector<std::byte>> contents_;
};

std::string name_of(const EntrySpec& entry) {
  return std::string(to_string(entry.section)) + " entry " + entry.name;
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

/// "element 7 of 12 is 0000803f the first time and 0100803f the second (float32, as it lies in memory)".
std::string first_difference(const EntrySpec& entry, const std::vector<std::byte>& first,
                             const std::vector<std::byte>& second) {
  const std::size_t width = element_bytes(entry.dtype);
  std::size_t at = 0;
  while (first[at] == second[at]) ++at;
  const std::size_t element = at / width;
  const auto value = [&](const std::vector<std::byte>& bytes) {
    return hex(std::span(bytes).subspan(element * width, width));
  };
  return "element " + std::to_string(element) + " of " + std::to_string(first.size() / width) + " is " + value(first) +
         " the first time and " + value(second) + " the second (" + to_string(entry.dtype) + ", as it lies in memory)";
}

/// Empty when the two are one.
std::string difference(const MemoryState& first, const MemoryState& second) {
  for (std::size_t i = 0; i < first.specs().size(); ++i) {
    const EntrySpec& entry = first.specs()[i];
    if (i >= second.specs().size()) return name_of(entry) + " is there only the first time";
    if (entry != second.specs()[i]) {
      return name_of(entry) + " of the first time is " + name_of(second.specs()[i]) +
             " the second, or of another shape, dtype or tie";
    }
    if (first.bytes(entry) == second.bytes(entry)) continue;
    return name_of(entry) + ": " + first_difference(entry, first.bytes(entry), second.bytes(entry));
  }
  if (first.specs().size() == second.specs().size()) return {};
  return name_of(second.specs()[first.specs().size()]) + " is there only the second time";
}

void run(const BeginTraining& begin, std::int64_t steps) {
  const TrainStep step = begin();
  for (std::int64_t i = 0; i < steps; ++i) step();
}

}  // namespace

ResumeProof prove_resume(TrainingState& state, const BeginTraining& begin, std::int64_t steps) {
  if (steps < 1) {
    throw Error(ErrorCode::invalid_argument, "steps",
                "a resume is proved over at least one step, not " + std::to_string(steps));
  }
  // In this order: the state to come back to, the steps, what they led to, the way back by the restore's own code, the
  // same steps again. What differs then was not captured, or not brought back.
  const MemoryState start(state);
  run(begin, steps);
  const MemoryState first(state);
  state.impl().restore_from("the state before the proof", start.specs(), {},
                            [&](std::span<const TensorSlot> slots) { start.fill(slots); });
  run(begin, steps);
  const MemoryState second(state);
  std::string different = difference(first, second);
  return {different.empty(), steps, first.specs().size(), std::move(different)};
}

}  // namespace lastgood

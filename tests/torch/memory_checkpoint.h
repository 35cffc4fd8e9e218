// A checkpoint in memory: copies of a capture's views, with the faults that a store could show.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/torch.h>

namespace lastgood::test {

struct MemoryEntry {
  EntrySpec spec;
  std::string bytes;  // empty for an alias
  bool operator==(const MemoryEntry&) const = default;
};

class MemoryCheckpoint {
 public:
  explicit MemoryCheckpoint(const TrainingState& state);

  /// As TrainingState::restore() from a store.
  RestoreReport restore(TrainingState& state, const RestoreOptions& options = {});

  MemoryEntry& entry(const std::string& name);
  bool has(const std::string& name) const;
  void remove(const std::string& name);
  /// Replaces the contents of a text.
  void put(const std::string& name, const std::string& text);
  std::vector<std::string> names(Section section) const;
  const std::vector<MemoryEntry>& entries() const { return entries_; }

  /// Called before each load with the slots that it is to fill; may throw in its place.
  std::function<void(std::span<const TensorSlot>)> before_load = [](std::span<const TensorSlot>) {};

  /// Everything that a capture shows, to the byte.
  bool operator==(const MemoryCheckpoint& other) const { return entries_ == other.entries_; }

 private:
  std::vector<MemoryEntry> entries_;
};

}  // namespace lastgood::test

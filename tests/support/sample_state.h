// A small training state in memory, to save, change, load back and compare.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <lastgood/load.h>
#include <lastgood/tensor.h>

#include "tests/support/bytes.h"

namespace lastgood::test {

class SampleState {
 public:
  /// Adds an entry of dtype uint8 and one dimension.
  SampleState& add(const std::string& name, Bytes content, Section section = Section::model) {
    EntrySpec spec{section, name, DType::uint8, {static_cast<std::int64_t>(content.size())}, ""};
    entries_.push_back({std::move(spec), std::move(content), false});
    return *this;
  }
  /// Adds a second name, in section model, for an entry that is there.
  SampleState& alias(const std::string& name, const std::string& owner) {
    EntrySpec spec = entry(owner).spec;
    spec.name = name;
    spec.alias_of = owner;
    entries_.push_back({std::move(spec), {}, false});
    return *this;
  }
  SampleState& copied_at_capture(const std::string& name) {
    entry(name).copy_at_capture = true;
    return *this;
  }

  Bytes& operator[](const std::string& name) { return entry(name).content; }

  std::vector<TensorView> views() const {
    std::vector<TensorView> views;
    for (const Entry& entry : entries_) {
      views.push_back({entry.spec, entry.content.data(), entry.copy_at_capture, {}});
    }
    return views;
  }
  std::vector<TensorSlot> slots() {
    std::vector<TensorSlot> slots;
    for (Entry& entry : entries_) {
      if (entry.spec.alias_of.empty()) slots.push_back({entry.spec, entry.content.data()});
    }
    return slots;
  }
  /// The same entries, all zeros.
  SampleState blank() const {
    SampleState other = *this;
    for (Entry& entry : other.entries_) std::ranges::fill(entry.content, std::byte{0});
    return other;
  }
  bool operator==(const SampleState&) const = default;

 private:
  struct Entry {
    EntrySpec spec;
    Bytes content;
    bool copy_at_capture = false;
    bool operator==(const Entry&) const = default;
  };
  Entry& entry(const std::string& name) {
    return *std::ranges::find_if(entries_, [&](const Entry& e) { return e.spec.name == name; });
  }
  std::vector<Entry> entries_;
};

/// Entries of many sizes: empty, tiny, one chunk of 64 KiB exactly, and several chunks; random by `seed`.
inline SampleState sample_state(std::uint64_t seed) {
  SampleState state;
  state.add("empty", {}).add("bias", random_bytes(40, seed)).add("gain", random_bytes(1, seed + 1));
  state.add("exact", random_bytes(64 * 1024, seed + 2)).add("large", random_bytes(300'001, seed + 3));
  state.add("large.moment", random_bytes(300'001, seed + 4), Section::optimizer);
  return state;
}

}  // namespace lastgood::test

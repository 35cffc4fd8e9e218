// All slots are looked at before anything is said, so that one attempt tells of everything that does not fit, as far as
// five names go.
#include "store/selection.h"

#include <algorithm>
#include <map>
#include <utility>

#include <lastgood/error.h>
#include <lastgood/pattern.h>

#include "store/checkpoint_reader.h"

namespace lastgood {
namespace {

constexpr std::size_t kNamed = 5;

using Key = std::pair<Section, std::string_view>;
using Positions = std::map<Key, std::size_t>;

Key key(const EntrySpec& spec) {
  return {spec.section, spec.name};
}

Positions positions(const format::Manifest& manifest) {
  Positions positions;
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) positions.emplace(key(manifest.entries[i].spec), i);
  return positions;
}

std::string describe(const EntrySpec& spec) {
  std::string text = std::string(to_string(spec.dtype)) + " [";
  for (std::size_t i = 0; i < spec.shape.size(); ++i) text += (i != 0 ? ", " : "") + std::to_string(spec.shape[i]);
  return text + "]";
}

/// The first five in words, and how many more.
class Mismatches {
 public:
  void add(const EntrySpec& spec, const std::string& what) {
    if (++count_ <= kNamed) text_ += "\n  " + entry_name(spec) + ": " + what;
  }
  void throw_if_any() const {
    if (count_ == 0) return;
    std::string text = "the state does not fit the checkpoint, and nothing was loaded:" + text_;
    if (count_ > kNamed) text += "\n  and " + std::to_string(count_ - kNamed) + " more";
    throw Error(ErrorCode::invalid_argument, "slots", text);
  }

 private:
  std::size_t count_ = 0;
  std::string text_;
};

}  // namespace

bool selects(const LoadOptions& options, const EntrySpec& spec) {
  if (options.section && *options.section != spec.section) return false;
  if (options.patterns.empty()) return true;
  return std::ranges::any_of(options.patterns,
                             [&](const std::string& pattern) { return matches_pattern(pattern, spec.name); });
}

std::vector<std::size_t> owners(const format::Manifest& manifest) {
  const Positions where = positions(manifest);
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
    const EntrySpec& spec = manifest.entries[i].spec;
    owners.push_back(spec.alias_of.empty() ? i : where.at({spec.section, spec.alias_of}));
  }
  return owners;
}

// By name, not by order: a model that is built in another order takes the same checkpoint.
std::vector<std::size_t> match_slots(const format::Manifest& manifest, std::span<const TensorSlot> slots,
                                     const LoadOptions& options) {
  const Positions where = positions(manifest);
  const std::vector<std::size_t> owner = owners(manifest);
  std::vector<bool> filled(manifest.entries.size());
  std::vector<std::size_t> matched;
  Mismatches mismatches;
  for (const TensorSlot& slot : slots) {
    const auto found = where.find(key(slot.spec));
    if (found == where.end()) {
      mismatches.add(slot.spec, "the checkpoint has no such entry");
      continue;
    }
    const EntrySpec& entry = manifest.entries[found->second].spec;
    if (filled[found->second]) {
      mismatches.add(slot.spec, "two slots have this name");
    } else if (entry.dtype != slot.spec.dtype || entry.shape != slot.spec.shape) {
      mismatches.add(slot.spec, "the checkpoint has " + describe(entry) + ", the state " + describe(slot.spec));
    } else if (slot.data == nullptr && slot.spec.byte_count() != 0) {
      mismatches.add(slot.spec, "the slot has no memory");
    }
    filled[found->second] = true;
    // Of use only where nothing is amiss: otherwise positions have shifted, and the list is thrown away below.
    matched.push_back(owner[found->second]);
  }
  for (std::size_t i = 0; options.strict && i < filled.size(); ++i) {
    const EntrySpec& entry = manifest.entries[i].spec;
    if (!filled[i] && selects(options, entry)) mismatches.add(entry, "the state has no place for this entry");
  }
  mismatches.throw_if_any();
  return matched;
}

}  // namespace lastgood

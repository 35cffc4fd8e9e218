#include "store/format/manifest_check.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include <lastgood/error.h>

#include "store/format/frame.h"
#include "store/format/text.h"

namespace lastgood::format {
namespace {

// Sizes are signed 64-bit numbers in the catalog and in every framework.
constexpr std::uint64_t kMaxEntryBytes = INT64_MAX;

std::string entry_label(const EntrySpec& spec) {
  return std::string(to_string(spec.section)) + "/" + spec.name;
}

Defect entry_defect(const EntrySpec& spec, const std::string& what) {
  return {entry_label(spec), "entry " + in_quotes(entry_label(spec)) + " " + what};
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_clean_text(name);
}

/// REQUIRES: no size is negative. A size of 0 makes any other sizes harmless.
bool fits(const EntrySpec& spec) {
  if (std::ranges::find(spec.shape, 0) != spec.shape.end()) return true;
  std::uint64_t bytes = element_bytes(spec.dtype);
  for (const std::int64_t size : spec.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes) || bytes > kMaxEntryBytes) return false;
  }
  return true;
}

using Places = std::unordered_map<std::string, std::size_t>;

/// Names are unique within a section only; the section's byte in front keeps them apart.
std::string key_of(Section section, std::string_view name) {
  return std::string(1, static_cast<char>(section)).append(name);
}

/// An alias of an alias would make every reader follow chains: there is one owner, or none.
std::optional<Defect> alias_defect(const Manifest& manifest, const Places& earlier, const ManifestEntry& entry) {
  // `earlier` holds what stands before the alias, so that ties can form no ring.
  const auto found = earlier.find(key_of(entry.spec.section, entry.spec.alias_of));
  if (found == earlier.end()) {
    return entry_defect(entry.spec, "is an alias of " + in_quotes(entry.spec.alias_of) + ", which no earlier entry is");
  }
  const EntrySpec& owner = manifest.entries[found->second].spec;
  if (!owner.alias_of.empty()) {
    return entry_defect(entry.spec, "is an alias of " + in_quotes(owner.name) + ", which is an alias itself");
  }
  if (owner.dtype != entry.spec.dtype || owner.shape != entry.spec.shape) {
    return entry_defect(entry.spec, "differs in dtype or shape from " + in_quotes(owner.name) + ", whose alias it is");
  }
  if (!entry.chunks.empty()) return entry_defect(entry.spec, "is an alias and has chunks of its own");
  return std::nullopt;
}

/// REQUIRES: the spec is without defect, so that its byte count means something.
std::optional<Defect> chunk_defect(const Manifest& manifest, const ManifestEntry& entry) {
  const std::uint64_t expected = chunk_count(entry.spec.byte_count(), manifest.chunk_bytes);
  if (entry.chunks.size() == expected) return std::nullopt;
  return entry_defect(entry.spec,
                      "has " + std::to_string(entry.chunks.size()) + " chunks instead of " + std::to_string(expected));
}

}  // namespace

std::uint64_t chunk_count(std::uint64_t bytes, std::uint64_t chunk_bytes) {
  return bytes / chunk_bytes + (bytes % chunk_bytes != 0 ? 1 : 0);
}

/// What can be said of one entry alone. An alias's owner is a matter of the whole manifest.
std::optional<Defect> find_defect(const EntrySpec& spec) {
  if (spec.section > Section::extra) {
    return entry_defect(spec, "is in no known section (" + std::to_string(static_cast<unsigned>(spec.section)) + ")");
  }
  if (!is_name(spec.name)) {
    return entry_defect(spec, "needs a name of 1 to 4096 bytes of UTF-8 without control characters");
  }
  if (element_bytes(spec.dtype) == 0) {
    return entry_defect(spec, "has no known dtype (" + std::to_string(static_cast<unsigned>(spec.dtype)) + ")");
  }
  if (spec.shape.size() > kMaxDimensions) {
    return entry_defect(spec, "has " + std::to_string(spec.shape.size()) + " dimensions; at most 64 are kept");
  }
  if (std::ranges::any_of(spec.shape, [](std::int64_t size) { return size < 0; })) {
    return entry_defect(spec, "has a negative size in its shape");
  }
  if (!fits(spec)) return entry_defect(spec, "has a shape of more than 2^63 - 1 bytes");
  if (!spec.alias_of.empty() && !is_name(spec.alias_of)) {
    return entry_defect(spec, "is an alias of something that is no name");
  }
  return std::nullopt;
}

/// In the order of the entries, and for each from cheap to costly; the first defect is told.
std::optional<Defect> find_defect(const Manifest& manifest) {
  if (manifest.chunk_bytes == 0 || manifest.chunk_bytes > kMaxPayload) {
    return Defect{"manifest", "the manifest has chunks of " + std::to_string(manifest.chunk_bytes) +
                                  " bytes; 1 byte to 64 MiB are possible"};
  }
  if (manifest.entries.size() > kMaxEntries) {
    return Defect{"manifest",
                  "the manifest has " + std::to_string(manifest.entries.size()) + " entries; at most 1048576 are kept"};
  }
  Places places;
  places.reserve(manifest.entries.size());
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
    const ManifestEntry& entry = manifest.entries[i];
    if (auto defect = find_defect(entry.spec)) return defect;
    const bool alias = !entry.spec.alias_of.empty();
    if (auto defect = alias ? alias_defect(manifest, places, entry) : chunk_defect(manifest, entry)) return defect;
    // After the checks of the entry, so that an alias of itself finds no owner.
    if (!places.emplace(key_of(entry.spec.section, entry.spec.name), i).second) {
      return entry_defect(entry.spec, "is there twice");
    }
  }
  return std::nullopt;
}

void check_spec(const EntrySpec& spec) {
  if (auto defect = find_defect(spec)) throw Error(ErrorCode::invalid_argument, defect->subject, defect->text);
}

}  // namespace lastgood::format

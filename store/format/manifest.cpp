// Encoding checks first and then writes what it has checked; decoding checks as it goes, so that no length is believed
// that the bytes do not bear out, and checks the whole once more by the same rules. What one of them lets pass, the
// other one does.
//
// One pass in each direction, entry by entry, without offsets or a table: FORMAT.md, section "Manifest". A decoder
// meets three kinds of lie and stops each at its place: counts before memory is reserved for them, an entry's own
// fields before what their size implies is read, and relations between entries when all of them are there.
#include "store/format/manifest.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>

#include <lastgood/error.h>

#include "store/format/bytes.h"
#include "store/format/frame.h"
#include "store/format/manifest_check.h"

namespace lastgood::format {
namespace {

constexpr std::string_view kMagic = "LGMANIF\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kAliasFlag = 1;
// Section, dtype, flags, dimensions, name length, and a name of one byte.
constexpr std::size_t kSmallestEntry = 7;
constexpr std::size_t kHashBytes = sizeof(BlobHash::bytes);

[[noreturn]] void throw_damaged(const std::string& what) {
  throw Error(ErrorCode::corruption, "manifest", "the manifest is damaged: " + what);
}

/// Where the owners of aliases stand. REQUIRES of place(): find_defect() found nothing.
/// Keys point into the manifest's own strings, which it must not outlive.
class Owners {
 public:
  explicit Owners(const Manifest& manifest) {
    for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
      const EntrySpec& spec = manifest.entries[i].spec;
      places_[static_cast<std::size_t>(spec.section)].emplace(spec.name, static_cast<std::uint32_t>(i));
    }
  }
  std::uint32_t place(const EntrySpec& alias) const {
    return places_[static_cast<std::size_t>(alias.section)].at(alias.alias_of);
  }

 private:
  std::unordered_map<std::string_view, std::uint32_t> places_[static_cast<std::size_t>(Section::extra) + 1];
};

/// The casts lose nothing: find_defect() has bounded dimensions, name and sizes.
void put_entry(ByteWriter& writer, const ManifestEntry& entry, const Owners& owners) {
  const EntrySpec& spec = entry.spec;
  const bool alias = !spec.alias_of.empty();
  writer.put(static_cast<std::uint8_t>(spec.section));
  writer.put(static_cast<std::uint8_t>(spec.dtype));
  writer.put(alias ? kAliasFlag : std::uint8_t{0});
  writer.put(static_cast<std::uint8_t>(spec.shape.size()));
  writer.put(static_cast<std::uint16_t>(spec.name.size()));
  writer.put_bytes(std::as_bytes(std::span(spec.name)));
  for (const std::int64_t size : spec.shape) writer.put(static_cast<std::uint64_t>(size));
  if (alias) writer.put(owners.place(spec));
  for (const BlobHash& hash : entry.chunks) writer.put_bytes(std::as_bytes(std::span(hash.bytes)));
}

/// Everything up to the owner or the hashes. The casts to enumerators are checked at the end, with all the rest.
EntrySpec take_spec(ByteReader& reader, bool& alias) {
  EntrySpec spec;
  spec.section = static_cast<Section>(reader.take<std::uint8_t>());
  spec.dtype = static_cast<DType>(reader.take<std::uint8_t>());
  const auto flags = reader.take<std::uint8_t>();
  if (flags > kAliasFlag) throw_damaged("an entry has unknown flags (" + std::to_string(flags) + ")");
  alias = flags == kAliasFlag;
  const auto dimensions = reader.take<std::uint8_t>();
  const auto name = reader.take_bytes(reader.take<std::uint16_t>());
  spec.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  spec.shape.reserve(dimensions);
  for (unsigned i = 0; i < dimensions; ++i) {
    spec.shape.push_back(static_cast<std::int64_t>(reader.take<std::uint64_t>()));
  }
  // What follows depends on the size that the spec asks for.
  if (const auto defect = find_defect(spec)) throw_damaged(defect->text);
  return spec;
}

/// By position in the file, by name in memory. That the owner fits is checked on the whole.
void take_alias(ByteReader& reader, const std::vector<ManifestEntry>& earlier, EntrySpec& spec) {
  const auto place = reader.take<std::uint32_t>();
  if (place >= earlier.size()) throw_damaged("an alias refers to an entry that does not precede it");
  const EntrySpec& owner = earlier[place].spec;
  if (owner.section != spec.section) throw_damaged("an alias refers to an entry of another section");
  spec.alias_of = owner.name;
}

std::vector<BlobHash> take_chunks(ByteReader& reader, std::uint64_t count) {
  // The division keeps a hostile count from overflowing.
  if (count > reader.remaining() / kHashBytes) throw_damaged("it ends before the chunks of its entries do");
  const auto bytes = reader.take_bytes(count * kHashBytes);
  std::vector<BlobHash> chunks(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    std::memcpy(chunks[i].bytes.data(), bytes.data() + i * kHashBytes, kHashBytes);
  }
  return chunks;
}

/// Magic and version; returns the number of entries.
std::uint32_t take_head(ByteReader& reader, Manifest& manifest) {
  if (std::memcmp(reader.take_bytes(kMagic.size()).data(), kMagic.data(), kMagic.size()) != 0) {
    throw_damaged("it does not begin with its magic bytes");
  }
  const auto version = reader.take<std::uint32_t>();
  if (version > kVersion) {
    throw Error(ErrorCode::unsupported_version, "manifest",
                "the manifest was written by a newer Lastgood (manifest version " + std::to_string(version) +
                    "); read it with that version");
  }
  if (version == 0) throw_damaged("there is no version 0");
  const auto count = reader.take<std::uint32_t>();
  manifest.chunk_bytes = reader.take<std::uint64_t>();
  if (manifest.chunk_bytes == 0 || manifest.chunk_bytes > kMaxPayload) throw_damaged("its chunk size is impossible");
  // Before the caller reserves: a count costs four bytes, what it asks for could be gigabytes.
  if (count > kMaxEntries || count > reader.remaining() / kSmallestEntry) {
    throw_damaged("it has no room for " + std::to_string(count) + " entries");
  }
  return count;
}

}  // namespace

// A manifest is one frame, so the cap on payloads is its cap too; it is known only when all is written.
std::vector<std::byte> encode(const Manifest& manifest) {
  if (const auto defect = find_defect(manifest)) {
    throw Error(ErrorCode::invalid_argument, defect->subject, defect->text);
  }
  const Owners owners(manifest);
  ByteWriter writer;
  writer.put_bytes(std::as_bytes(std::span(kMagic)));
  writer.put(kVersion);
  writer.put(static_cast<std::uint32_t>(manifest.entries.size()));
  writer.put(manifest.chunk_bytes);
  for (const ManifestEntry& entry : manifest.entries) put_entry(writer, entry, owners);
  if (writer.bytes().size() > kMaxPayload) {
    throw Error(ErrorCode::invalid_argument, "manifest",
                "the list of entries and chunks is longer than 64 MiB; use larger chunks");
  }
  return std::move(writer).release();
}

Manifest decode_manifest(std::span<const std::byte> bytes) {
  if (bytes.size() > kMaxPayload) throw_damaged("it is longer than 64 MiB");
  ByteReader reader(bytes, "manifest");
  Manifest manifest;
  const std::uint32_t count = take_head(reader, manifest);
  manifest.entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    bool alias = false;
    ManifestEntry entry;
    entry.spec = take_spec(reader, alias);
    if (alias) {
      take_alias(reader, manifest.entries, entry.spec);
    } else {
      entry.chunks = take_chunks(reader, chunk_count(entry.spec.byte_count(), manifest.chunk_bytes));
    }
    manifest.entries.push_back(std::move(entry));
  }
  if (reader.remaining() != 0) throw_damaged(std::to_string(reader.remaining()) + " bytes follow its last entry");
  // Names that are there twice, and aliases that do not fit, show only in the whole.
  if (const auto defect = find_defect(manifest)) throw_damaged(defect->text);
  return manifest;
}

}  // namespace lastgood::format

// The manifest: a checkpoint's entries and the hashes of their chunks. Its own hash is the checkpoint's digest, so the
// encoding is canonical: equal states give equal bytes, in any process. Grammar: store/FORMAT.md. No I/O.
//
// Loads trust this and not the catalog: its bytes were checked against the digest. Pure functions, safe from any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/tensor.h>

namespace lastgood::format {

/// Caps that a decoder enforces before it allocates.
inline constexpr std::size_t kMaxEntries = 1u << 20;
inline constexpr std::size_t kMaxNameBytes = 4096;
inline constexpr std::size_t kMaxDimensions = 64;

struct ManifestEntry {
  EntrySpec spec;
  /// One per chunk, in order; all chunks but the last hold chunk_bytes. Empty for an alias and for zero bytes.
  std::vector<BlobHash> chunks;
  bool operator==(const ManifestEntry&) const = default;
};

/// `chunk_bytes` is part of the encoding: one state saved with two chunk sizes has two digests. Entries stand in the
/// order of the save, which is part of the digest: the same tensors in another order are another state.
struct Manifest {
  std::uint64_t chunk_bytes = 0;
  std::vector<ManifestEntry> entries;
  bool operator==(const Manifest&) const = default;
};

/// Checks one entry's name, dtype, shape and size as the store takes them. Throws Error(invalid_argument) naming it.
void check_spec(const EntrySpec& spec);

/// Checks names (also unique, aliases resolved, of equal dtype and shape) and caps: Error(invalid_argument).
std::vector<std::byte> encode(const Manifest& manifest);

/// Throws Error(corruption | unsupported_version). Whatever it returns has passed every check that encode() makes, and
/// has exactly as many chunks per entry as its size asks for. Versions: 1 is read, 0 is corruption, a higher one is
/// unsupported_version. Integers are little-endian.
Manifest decode_manifest(std::span<const std::byte> bytes);

/// Chunks that `bytes` take. REQUIRES: chunk_bytes is not 0.
std::uint64_t chunk_count(std::uint64_t bytes, std::uint64_t chunk_bytes);

}  // namespace lastgood::format

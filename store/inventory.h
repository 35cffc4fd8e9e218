// What a store's packs hold, found by scanning them: enough to make the catalog anew. In memory as a whole: it grows
// with the number of blobs, not with their bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <lastgood/progress.h>

#include "store/catalog/blobs.h"
#include "store/format/manifest.h"
#include "store/format/record.h"
#include "store/io/file_system.h"
#include "store/io/pack_reader.h"

namespace lastgood {

/// A blob, by positions in Inventory::packs and in that pack's blobs.
struct FoundBlob {
  std::size_t pack = 0;
  std::size_t blob = 0;
};

struct FoundPack {
  format::Uuid uuid;
  std::vector<catalog::NewBlob> blobs = {};  // by offset
  std::set<std::size_t> damaged = {};        // positions of those whose content does not match their hash
};

/// `blob` says where it lay: its pack is the checkpoint's home, in which its own contents are looked for first.
struct FoundRecord {
  format::Record record;
  FoundBlob blob;
};

struct Inventory {
  format::Uuid store;
  std::vector<FoundPack> packs;
  std::vector<FoundRecord> records;   // by sequence; each checkpoint once
  std::uint64_t block_bytes = 0;      // in which the file system punches holes
  std::uint64_t damaged_frames = 0;   // of all packs, the punched ones not counted
  std::vector<std::string> left_out;  // packs that are none of this store's, and records that do not read, in words
};

/// Scans blobs/ of the store. Throws Error(cancelled). Changes nothing. REQUIRES: the store's lock is held exclusively,
/// but for a dry run, beside which packs may vanish.
Inventory take_inventory(io::FileSystem& files, const std::filesystem::path& store, const ProgressFn& progress);

/// Finds blobs by content. Where several have the same hash, a good one comes before a damaged one, and then one in the
/// asking checkpoint's own pack: two contents of one hash, which only somebody's intent can make, then stay apart.
/// Refers to the inventory, which must outlive it. Safe from any thread.
class BlobFinder {
 public:
  explicit BlobFinder(const Inventory& inventory);
  std::optional<FoundBlob> find(format::FrameKind kind, const BlobHash& hash, std::optional<std::uint64_t> raw_bytes,
                                std::size_t preferred_pack) const;

 private:
  struct HashOfHash {
    std::size_t operator()(const BlobHash& hash) const noexcept;
  };
  const Inventory& inventory_;
  std::unordered_multimap<BlobHash, FoundBlob, HashOfHash> blobs_;
};

}  // namespace lastgood

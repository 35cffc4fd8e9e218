// The look-up of dedup: live blobs by hash, in memory, newest first, bounded.
//
// A hit is only a candidate: the caller pins the row (which tells whether it still lives) and, unless the fingerprint
// was computed by this very process, compares the bytes. A blob that the index does not know is merely stored again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "store/catalog/rows.h"
#include "store/format/digest.h"

namespace lastgood::catalog {
class Connection;
}

namespace lastgood::pipeline {

/// What identifies content: kind, size and digest.
struct ContentKey {
  format::FrameKind kind = format::FrameKind::chunk;
  std::uint64_t raw_bytes = 0;
  format::Digest digest;
  bool operator==(const ContentKey&) const = default;
};

/// For hash tables keyed by a blob's hash. Takes no seed: somebody who builds colliding hashes can make a table slow,
/// not wrong.
struct HashOfHash {
  std::size_t operator()(const BlobHash& hash) const noexcept;
};

struct Candidate {
  catalog::BlobId blob;
  bool same_content = false;  // by fingerprint: no need to compare bytes
};

/// Safe from any thread. Several rows of one hash are kept side by side: contents may collide, and a healed blob may
/// have a successor. What it says of a row may be out of date as soon as it is said; only the pin decides.
class BlobIndex {
 public:
  explicit BlobIndex(std::size_t most = 1U << 20) : most_(most) {}

  /// Learns of the blobs that were committed since the last time. Inside a transaction of the caller's. Asks for rows
  /// above the highest id that it has seen, since ids only grow.
  void refresh(catalog::Connection& db);

  /// Blobs of the same hash, size and kind whose content is, or may be, the same.
  std::vector<Candidate> find(const ContentKey& key) const;

  /// This process wrote the blob, or compared it byte by byte: from now on its fingerprint stands for its content.
  void know(catalog::BlobId blob, const ContentKey& key);

  /// It died, or is damaged.
  void drop(catalog::BlobId blob, const BlobHash& hash);

 private:
  struct Entry {
    catalog::BlobId blob;
    std::uint64_t raw_bytes = 0;
    std::uint64_t fingerprint = 0;
    format::FrameKind kind = format::FrameKind::chunk;
    /// `fingerprint` was computed from the content in this process.
    bool known = false;
  };
  // At most so many blobs, of which refresh() forgets all at once when it is full.
  const std::size_t most_;
  // Guards all that follows.
  mutable std::mutex mutex_;
  std::unordered_multimap<BlobHash, Entry, HashOfHash> entries_;
  catalog::BlobId newest_;
};

}  // namespace lastgood::pipeline

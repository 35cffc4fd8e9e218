// Deciding for each blob of a save whether it is in the store already, and writing it to the save's pack where not.
//
//   1. Content that this save has already placed is placed once.
//   2. A live blob of the same hash is pinned first. Unless this process knows its content by fingerprint, its bytes
//      are then compared: hashes can be equal by somebody's design.
//   3. Pins are committed in batches: those of the parent checkpoint when the save begins, others when enough have
//      gathered or at flush().
//   4. What has no match is packed, where that is asked for and pays, and appended.
//
// The pin comes before the comparison, and names the row instead of the place: between the two, no collection can free
// the blob, though it may move it.
//
// Nothing here is durable, and nothing is undone: a save that fails leaves its pins to whoever ends its row, and its
// frames to a collection.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <lastgood/session.h>

#include "store/catalog/blobs.h"
#include "store/catalog/catalog.h"
#include "store/catalog/saves.h"
#include "store/io/pack_reader.h"
#include "store/io/pack_writer.h"
#include "store/pipeline/blob_index.h"
#include "store/store_impl.h"

namespace lastgood::pipeline {

/// A blob to be placed. `ordinal` is the caller's number for it. `element_bytes` chooses the byte planes that it may be
/// packed by.
struct Content {
  std::size_t ordinal = 0;
  ContentKey key;
  std::span<const std::byte> bytes;
  std::size_t element_bytes = 1;
};

/// A new blob in the save's pack.
struct OwnBlob {
  ContentKey key;
  catalog::NewBlob row;
};

/// Where a content has gone: a row that was there, or the position of an own blob.
struct Source {
  std::optional<catalog::BlobId> matched;
  std::size_t own = 0;
};

/// What a placer works with; all of it outlives the placer.
struct PlacerContext {
  const StoreImpl& store;
  const catalog::Catalog& catalog;
  BlobIndex& index;
  io::PackReader& reader;
  io::PackWriter& pack;
  catalog::SaveId save;
  Compression compression = Compression::none;
  std::size_t most_waiting = 1;  // batches of content whose memory may wait for a pin
};

/// place() is safe from any thread; the rest from one, when no place() runs.
class BlobPlacer {
 public:
  /// `pinned` are the blobs that the save has pinned already. `contents` is how many ordinals there are.
  BlobPlacer(PlacerContext context, std::unordered_set<std::int64_t> pinned, std::size_t contents);

  /// Places contents that lie in `memory`, which is kept as long as one of them waits for a pin.
  void place(std::span<const Content> contents, std::shared_ptr<const void> memory);
  /// Places what still waits.
  /// REQUIRES: every place() has returned. After it, each ordinal has a source.
  void flush();

  /// By ordinal; and the new blobs, whose rows the final commit inserts. Both are complete only after flush().
  const std::vector<Source>& sources() const noexcept { return sources_; }
  const std::vector<OwnBlob>& own() const noexcept { return own_; }

 private:
  struct Waiting {
    Content content;
    std::vector<Candidate> candidates;
    std::shared_ptr<const void> memory;
  };

  /// The names in _locked are for callers that hold mutex_.
  bool place_known(const Content& content);
  bool place_known_locked(const Content& content);
  /// A new own blob for the content, by its position; nothing where another thread has been faster.
  std::optional<std::size_t> claim(const Content& content);
  /// Takes the first candidate that is pinned and equal. Candidates that are not pinned are passed over, not pinned.
  bool match(const Content& content, const std::vector<Candidate>& candidates);
  /// Compares with what is stored, wherever it lies by now. A stored blob that does not read is set aside as damaged,
  /// and is no match.
  bool same_bytes(const Candidate& candidate, const Content& content);
  /// Packs and appends those that nobody has placed meanwhile, in one go.
  void write(std::span<const Content* const> contents);
  /// Pins all their candidates in one commit; then matches or writes each.
  void settle(std::vector<Waiting> waiting);
  void pin(const std::vector<Waiting>& waiting);

  PlacerContext context_;
  // Guards all that follows, while place() runs.
  std::mutex mutex_;
  std::unordered_set<std::int64_t> pinned_;
  std::unordered_map<BlobHash, std::vector<std::size_t>, HashOfHash> own_by_hash_;
  std::vector<OwnBlob> own_;
  std::vector<Source> sources_;
  /// Contents with candidates that are not pinned yet; at most most_waiting batches of them.
  std::vector<Waiting> waiting_;
  std::size_t waiting_batches_ = 0;
};

}  // namespace lastgood::pipeline

// Blobs: where each lies, who refers to it, whether it lives. Each function runs inside a transaction of the caller's.
//
// A row is LIVE from its first moment and becomes DEAD at most once, never the other way round. `refs` counts what
// checkpoints use, and changes only together with their rows. Pins (saves.h) keep a row without references LIVE while a
// save is at work.
//
// Those that change rows need Catalog::write(). Single rows are found by their key (id); what looks for many says which
// index it walks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Connection;

/// A frame that was written to a pack and is not in the catalog yet.
struct NewBlob {
  std::uint64_t offset = 0;
  format::FrameHeader frame;
};

/// Appends LIVE rows with no references for frames of `pack`, in the order of the span; their ids follow each other.
/// Returns the first.
BlobId append_blobs(Connection& db, PackId pack, std::span<const NewBlob> blobs);

/// LIVE, undamaged chunks and manifests with an id above `after`, newest first, at most `limit`. Walks the key
/// backwards, from the newest id down to `after`: the cost is that of what came since.
void for_each_live_blob(Connection& db, BlobId after, std::uint64_t limit,
                        const std::function<void(const Blob&)>& body);

/// Where does the blob lie now, and in what state? Nothing where the row is gone. By the key, and its pack by the
/// pack's.
std::optional<Blob> find_blob(Connection& db, BlobId id);

/// Adds one reference for each occurrence. Throws Error(internal) where a row is not LIVE. By the key, one step for
/// each occurrence: the final commit's share of the work.
void add_references(Connection& db, std::span<const BlobId> blobs);

/// Which of `blobs` are not LIVE any more (or damaged, or gone)? As positions in the span; by the key. Sees what the
/// transaction sees, so it is asked in the one that is to rely on the answer.
std::vector<std::size_t> not_live(Connection& db, std::span<const BlobId> blobs);

/// All LIVE rows that are damaged: what a save can heal. Uses the partial index on damage.
std::vector<Blob> damaged_blobs(Connection& db);
/// Whatever the row's state; a row that is gone is no error.
void set_damaged(Connection& db, BlobId id, bool damaged);

/// LIVE damaged rows that nothing references become DEAD: nobody shall be told of them. (rebuild)
void give_up_damaged(Connection& db);

/// Gives a damaged LIVE blob new bytes: moves the row to `place` with `frame` (same hash, raw size and kind), clears
/// the mark, and leaves a DEAD row for the old extent. False, and no change, where it is not LIVE and damaged any more.
bool heal_blob(Connection& db, BlobId id, PackId pack, const NewBlob& replacement);

/// LIVE rows that nothing references and no save pins become DEAD; how many. (gc; uses the partial index on refs = 0.)
std::uint64_t mark_unreferenced(Connection& db);

/// What is in this pack? Its rows by offset. Relies on blob_place, which has them in this order.
std::vector<Blob> blobs_in_pack(Connection& db, PackId pack);

/// One blob that compaction copied: from where, to where.
struct Move {
  BlobId blob;
  Place from;
  PackId to_pack;
  NewBlob to;
};
/// Moves the rows that are still LIVE where they were copied from; how many. The copies of the others get DEAD rows. By
/// the key. REQUIRES: the copies are durable, since the rows lead to them from the commit on.
std::uint64_t move_blobs(Connection& db, std::span<const Move> moves);

/// Drops DEAD rows of this pass: exactly these ids. Not all that are DEAD: what died since the marks has not been
/// destroyed yet. By the key. REQUIRES: what they name was destroyed, and the file synced.
void drop_dead(Connection& db, std::span<const BlobId> blobs);

}  // namespace lastgood::catalog

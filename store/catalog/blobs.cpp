// What rests on an earlier transaction's answer (moves, drops, references) names in its WHERE what the row must still
// be: LIVE, DEAD, where it was. A row that is something else by now is left alone, and the count of changes tells.
#include "store/catalog/blobs.h"

#include "store/catalog/blob_rows.h"
#include "store/catalog/connection.h"
#include "store/rules.h"

namespace lastgood::catalog {
namespace {

void bind_new_blob(Statement& insert, PackId pack, const NewBlob& blob) {
  insert.bind_all(blob.frame.hash, pack, blob.offset, static_cast<int>(blob.frame.kind),
                  static_cast<int>(blob.frame.codec), blob.frame.raw_bytes, blob.frame.stored_bytes);
}

}  // namespace

/// In the pack's order, so that the unique index over places only grows at its end.
BlobId append_blobs(Connection& db, PackId pack, std::span<const NewBlob> blobs) {
  // AUTOINCREMENT counts on from the largest id that ever was, and the write lock keeps others out: ids follow on.
  Statement insert(db,
                   "INSERT INTO blob(hash, pack_id, offset, kind, codec, raw_bytes, stored_bytes) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  BlobId first;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    bind_new_blob(insert, pack, blobs[i]);
    insert.run();
    if (i == 0) first = BlobId{db.last_insert_id()};
  }
  return first;
}

void for_each_live_blob(Connection& db, BlobId after, std::uint64_t limit,
                        const std::function<void(const Blob&)>& body) {
  // CROSS JOIN fixes the order of the loops: packs are looked up, never walked.
  Statement query(db,
                  "SELECT " LASTGOOD_BLOB_COLUMNS
                  " FROM blob AS b CROSS JOIN pack AS p ON p.id = b.pack_id "
                  "WHERE b.id > ?1 AND b.state = 0 AND b.damaged = 0 AND b.kind IN (1, 2) "
                  "ORDER BY b.id DESC LIMIT ?2",
                  after, limit);
  while (query.step()) body(read_blob(query));
}

std::optional<Blob> find_blob(Connection& db, BlobId id) {
  Statement query(
      db, "SELECT " LASTGOOD_BLOB_COLUMNS " FROM blob AS b CROSS JOIN pack AS p ON p.id = b.pack_id WHERE b.id = ?1",
      id);
  if (!query.step()) return std::nullopt;
  return read_blob(query);
}

void add_references(Connection& db, std::span<const BlobId> blobs) {
  Statement raise(db, "UPDATE blob SET refs = refs + 1 WHERE id = ?1 AND state = 0");
  for (const BlobId blob : blobs) {
    raise.run_with(blob);
    // The second look at the moment of the commit: a checkpoint must never refer to what a collection may destroy.
    if (rules::recheck && db.changes() != 1) {
      throw Error(ErrorCode::internal, std::to_string(blob.value),
                  "blob " + std::to_string(blob.value) + " is not live and cannot be referred to");
    }
  }
}

std::vector<std::size_t> not_live(Connection& db, std::span<const BlobId> blobs) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    // A match that was found damaged since is as good as dead: the save has the content, and writes it anew.
    Statement query(db, "SELECT 1 FROM blob WHERE id = ?1 AND state = 0 AND damaged = 0", blobs[i]);
    if (!query.step()) positions.push_back(i);
  }
  return positions;
}

// The partial index holds just these rows, so this costs nothing while nothing is damaged.
std::vector<Blob> damaged_blobs(Connection& db) {
  Statement query(db, "SELECT " LASTGOOD_BLOB_COLUMNS
                      " FROM blob AS b CROSS JOIN pack AS p ON p.id = b.pack_id "
                      "WHERE b.damaged = 1 AND b.state = 0 ORDER BY b.id");
  std::vector<Blob> blobs;
  while (query.step()) blobs.push_back(read_blob(query));
  return blobs;
}

void set_damaged(Connection& db, BlobId id, bool damaged) {
  Statement(db, "UPDATE blob SET damaged = ?2 WHERE id = ?1 AND damaged <> ?2", id, damaged).run();
}

namespace {

/// A row for bytes that nobody is to use: without one, no collection would ever know of them.
void append_dead(Connection& db, PackId pack, const NewBlob& extent) {
  const BlobId dead = append_blobs(db, pack, {&extent, 1});
  Statement(db, "UPDATE blob SET state = 1 WHERE id = ?1", dead).run();
}

}  // namespace

void give_up_damaged(Connection& db) {
  Statement(db, "UPDATE blob SET state = 1 WHERE damaged = 1 AND state = 0 AND refs = 0").run();
}

bool heal_blob(Connection& db, BlobId id, PackId pack, const NewBlob& replacement) {
  const std::optional<Blob> old = find_blob(db, id);
  if (!old || old->state != BlobState::live || !old->damaged) return false;
  const format::FrameHeader& fresh = replacement.frame;
  if (fresh.hash != old->frame.hash || fresh.raw_bytes != old->frame.raw_bytes || fresh.kind != old->frame.kind) {
    throw Error(ErrorCode::internal, old->frame.hash.hex(), "other content cannot heal blob " + old->frame.hash.hex());
  }
  Statement(db, "UPDATE blob SET pack_id = ?2, offset = ?3, codec = ?4, stored_bytes = ?5, damaged = 0 WHERE id = ?1",
            id, pack, replacement.offset, static_cast<int>(fresh.codec), fresh.stored_bytes)
      .run();
  // After the move above, since no two rows may claim one place.
  // The damaged extent gets a row of its own, so that gc finds it and gives its space back.
  const NewBlob extent{old->place.offset, old->frame};
  append_dead(db, old->place.pack, extent);
  return true;
}

std::uint64_t mark_unreferenced(Connection& db) {
  // NOT IN would be true of nothing if the list held a NULL; blob_id is never one.
  Statement(db, "UPDATE blob SET state = 1 WHERE refs = 0 AND state = 0 AND id NOT IN (SELECT blob_id FROM save_pin)")
      .run();
  return db.changes();
}

std::vector<Blob> blobs_in_pack(Connection& db, PackId pack) {
  Statement query(db,
                  "SELECT " LASTGOOD_BLOB_COLUMNS
                  " FROM pack AS p CROSS JOIN blob AS b ON b.pack_id = p.id WHERE p.id = ?1 ORDER BY b.offset",
                  pack);
  std::vector<Blob> blobs;
  while (query.step()) blobs.push_back(read_blob(query));
  return blobs;
}

/// The row keeps its id: references, pins and whoever looks it up again find it in the new place.
// Copies that came too late get a row as well, or their bytes in the new pack would be nobody's.
std::uint64_t move_blobs(Connection& db, std::span<const Move> moves) {
  // Only where the row still lies where the copy was made from: it may have died, or been healed, meanwhile.
  Statement move(db,
                 "UPDATE blob SET pack_id = ?4, offset = ?5 "
                 "WHERE id = ?1 AND state = 0 AND pack_id = ?2 AND offset = ?3");
  std::uint64_t moved = 0;
  for (const Move& one : moves) {
    move.run_with(one.blob, one.from.pack, one.from.offset, one.to_pack, one.to.offset);
    const bool is_moved = db.changes() == 1;
    moved += is_moved ? 1 : 0;
    if (!is_moved) append_dead(db, one.to_pack, one.to);
  }
  return moved;
}

void drop_dead(Connection& db, std::span<const BlobId> blobs) {
  Statement drop(db, "DELETE FROM blob WHERE id = ?1 AND state = 1");
  for (const BlobId blob : blobs) drop.run_with(blob);
}

}  // namespace lastgood::catalog

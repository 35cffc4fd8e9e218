// Rows of the protocol's first steps. They say that somebody might be at work; whether somebody is, only the lock on
// the save's file tells (dead_saves.cpp).
#include "store/catalog/saves.h"

#include "store/catalog/connection.h"
#include "store/rules.h"

namespace lastgood::catalog {

BegunSave begin_save(Connection& db, const format::Uuid& uuid, SessionId session) {
  Statement(db, "INSERT INTO save(uuid, session_id) VALUES (?1, ?2)", uuid, session).run();
  const SaveId save{db.last_insert_id()};
  return {save, add_pack(db, uuid, save)};
}

PackId add_pack(Connection& db, const format::Uuid& pack, SaveId save) {
  Statement(db, "INSERT INTO pack(uuid, save_id) SELECT ?1, id FROM save WHERE id = ?2", pack, save).run();
  if (db.changes() != 1) {
    throw Error(ErrorCode::internal, std::to_string(save.value),
                "save " + std::to_string(save.value) + " has no row any more and can have no pack");
  }
  return PackId{db.last_insert_id()};
}

bool save_exists(Connection& db, SaveId save) {
  return Statement(db, "SELECT 1 FROM save WHERE id = ?1", save).step();
}

std::vector<bool> pin_live(Connection& db, SaveId save, std::span<const BlobId> blobs) {
  // One statement, so that nothing can die between its looking and its pinning.
  // Looks and pins in one statement; a blob that this save pinned before counts as pinned again.
  Statement pin(db, rules::pin ? "INSERT INTO save_pin(save_id, blob_id) "
                                 "SELECT ?1, id FROM blob WHERE id = ?2 AND state = 0 AND damaged = 0 "
                                 "ON CONFLICT DO UPDATE SET blob_id = excluded.blob_id"
                               : "UPDATE blob SET damaged = 0 WHERE id = ?2 AND state = 0 AND damaged = 0 AND ?1 > 0");
  std::vector<bool> pinned;
  pinned.reserve(blobs.size());
  for (const BlobId blob : blobs) {
    if (!rules::match_live_only) Statement(db, "UPDATE blob SET state = 0 WHERE id = ?1", blob).run();
    pin.run_with(save, blob);
    pinned.push_back(db.changes() == 1);
  }
  return pinned;
}

void end_save(Connection& db, SaveId save) {
  Statement(db, "DELETE FROM save WHERE id = ?1", save).run();  // its pins go with it
}

std::vector<SaveRow> saves_in_flight(Connection& db) {
  Statement query(db, "SELECT id, uuid FROM save ORDER BY id");
  std::vector<SaveRow> saves;
  while (query.step()) saves.push_back({query.id<SaveId>(0), query.uuid(1)});
  return saves;
}

}  // namespace lastgood::catalog

// Verdicts, pins and tags of checkpoints. An UPDATE counts the rows that it finds, also where their values stay the
// same: so a count of 0 means that there is no such checkpoint.
#include "store/catalog/checkpoints.h"
#include "store/catalog/connection.h"

namespace lastgood::catalog {
namespace {

Error not_there(CheckpointId id) {
  const std::string text = std::to_string(id.value);
  return Error(ErrorCode::not_found, text,
               "checkpoint " + text + " is not in the store; `lastgood list` shows those that are");
}

}  // namespace

void set_stability(Connection& db, CheckpointId id, Stability stability) {
  Statement(db, "UPDATE checkpoint SET stability = ?2 WHERE id = ?1", id, static_cast<int>(stability)).run();
  if (db.changes() != 1) throw not_there(id);
}

void set_pinned(Connection& db, CheckpointId id, bool pinned) {
  Statement(db, "UPDATE checkpoint SET pinned = ?2 WHERE id = ?1", id, pinned).run();
  if (db.changes() != 1) throw not_there(id);
}

std::optional<CheckpointId> check_tag(Connection& db, const std::string& name, CheckpointId id, bool move) {
  if (!Statement(db, "SELECT 1 FROM checkpoint WHERE id = ?1", id).step()) throw not_there(id);
  // A tag that names this very checkpoint already is no contradiction: the call may be a repetition.
  const std::optional<CheckpointId> old = find_tag(db, name);
  if (old && *old != id && !move) {
    throw Error(ErrorCode::already_exists, name,
                "the tag '" + name + "' names checkpoint " + std::to_string(old->value) +
                    " already; move it or choose another name");
  }
  return old;
}

std::optional<CheckpointId> set_tag(Connection& db, const std::string& name, CheckpointId id, bool move) {
  const std::optional<CheckpointId> old = check_tag(db, name, id, move);
  Statement(db,
            "INSERT INTO tag(name, checkpoint_id) VALUES (?1, ?2) "
            "ON CONFLICT DO UPDATE SET checkpoint_id = excluded.checkpoint_id",
            name, id)
      .run();
  return old;
}

bool delete_tag(Connection& db, const std::string& name) {
  Statement(db, "DELETE FROM tag WHERE name = ?1", name).run();
  return db.changes() == 1;
}

// The key of `tag` is the name, and tags are few: no index is needed beside it.
std::optional<CheckpointId> find_tag(Connection& db, const std::string& name) {
  Statement query(db, "SELECT checkpoint_id FROM tag WHERE name = ?1", name);
  if (!query.step()) return std::nullopt;
  return query.id<CheckpointId>(0);
}

std::vector<std::string> list_tags(Connection& db) {
  Statement query(db, "SELECT name FROM tag ORDER BY name");
  std::vector<std::string> tags;
  while (query.step()) tags.emplace_back(query.text(0));
  return tags;
}

}  // namespace lastgood::catalog

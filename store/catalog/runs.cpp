// Heads move here and nowhere else: by a save's commit, a rollback, a resume that went back.
#include "store/catalog/runs.h"

#include "store/catalog/connection.h"
#include "store/catalog/now.h"
#include "store/format/text.h"

namespace lastgood::catalog {
namespace {

// Records allow 4,096 bytes; this is for what people type and read.
constexpr std::size_t kMaxRunName = 256;

// As entries' names, but shorter.
void check_run_name(const std::string& name) {
  if (!name.empty() && name.size() <= kMaxRunName && format::is_clean_text(name)) return;
  throw Error(ErrorCode::invalid_argument, name,
              "the run's name " + format::in_quotes(name) +
                  " cannot be used: it must be UTF-8 text of 1 to 256 bytes without control characters");
}

}  // namespace

RunId find_or_create_run(Connection& db, const std::string& name) {
  if (const auto run = find_run(db, name)) return *run;
  check_run_name(name);
  Statement(db, "INSERT INTO run(name, created_at_ms) VALUES (?1, ?2)", name, now_ms()).run();
  return RunId{db.last_insert_id()};
}

std::optional<RunId> find_run(Connection& db, const std::string& name) {
  Statement query(db, "SELECT id FROM run WHERE name = ?1", name);
  if (!query.step()) return std::nullopt;
  return query.id<RunId>(0);
}

std::vector<RunInfo> list_runs(Connection& db) {
  Statement query(db, "SELECT id, name, head, checkpoints, sessions, created_at_ms FROM v_runs ORDER BY name");
  std::vector<RunInfo> runs;
  while (query.step()) {
    runs.push_back({query.id<RunId>(0), std::string(query.text(1)), query.optional_id<CheckpointId>(2), query.count(3),
                    query.count(4), query.integer(5)});
  }
  return runs;
}

std::optional<CheckpointId> head(Connection& db, RunId run) {
  Statement query(db, "SELECT head FROM run WHERE id = ?1", run);
  if (!query.step()) return std::nullopt;
  return query.optional_id<CheckpointId>(0);
}

void set_head(Connection& db, RunId run, std::optional<CheckpointId> checkpoint) {
  if (checkpoint) {
    const std::string id = std::to_string(checkpoint->value);
    Statement owner(db, "SELECT run_id FROM checkpoint WHERE id = ?1", *checkpoint);
    if (!owner.step()) throw Error(ErrorCode::not_found, id, "checkpoint " + id + " is not in the store any more");
    if (owner.id<RunId>(0) != run) {
      throw Error(ErrorCode::invalid_argument, id,
                  "checkpoint " + id + " belongs to another run; a head moves within its own run only");
    }
  }
  Statement(db, "UPDATE run SET head = ?2 WHERE id = ?1", run, checkpoint).run();
  if (db.changes() != 1) {
    const std::string id = std::to_string(run.value);
    throw Error(ErrorCode::not_found, id, "there is no run with the id " + id);
  }
}

}  // namespace lastgood::catalog

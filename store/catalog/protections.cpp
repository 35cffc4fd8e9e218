// What must not be forgotten, and the checkpoint that a rollback falls back to. Asked in the transaction that deletes,
// so that nothing can become protected in between.
#include "store/catalog/checkpoints.h"
#include "store/catalog/connection.h"

namespace lastgood::catalog {
namespace {

void protect(Connection& db, const char* sql, std::vector<Protection>& found) {
  Statement rows(db, sql);
  while (rows.step()) found.push_back({rows.id<CheckpointId>(0), std::string(rows.text(1))});
}

std::vector<std::string> run_names(Connection& db) {
  Statement rows(db, "SELECT name FROM run ORDER BY name");
  std::vector<std::string> names;
  while (rows.step()) names.emplace_back(rows.text(0));
  return names;
}

// The newest stable one of all branches; verdicts stand in an index, newest last.
std::optional<CheckpointId> newest_stable(Connection& db, const std::string& run) {
  Statement row(db,
                "SELECT c.id FROM checkpoint AS c WHERE c.run_id = (SELECT id FROM run WHERE name = ?1) "
                "AND c.stability = 1 ORDER BY c.id DESC LIMIT 1",
                run);
  if (!row.step()) return std::nullopt;
  return row.id<CheckpointId>(0);
}

}  // namespace

/// A checkpoint may be there several times, once for each reason.
std::vector<Protection> protections(Connection& db) {
  std::vector<Protection> found;
  protect(db, "SELECT head, 'the head of run ' || name FROM run WHERE head IS NOT NULL ORDER BY name", found);
  for (const std::string& run : run_names(db)) {
    const auto in_lineage = last_stable(db, run);
    if (in_lineage) found.push_back({*in_lineage, "the newest stable in the lineage of the head of run " + run});
    const auto of_run = newest_stable(db, run);
    if (of_run && of_run != in_lineage) found.push_back({*of_run, "the newest stable of run " + run});
  }
  protect(db, "SELECT checkpoint_id, 'tagged ' || name FROM tag ORDER BY name", found);
  protect(db, "SELECT id, 'pinned' FROM checkpoint WHERE pinned = 1 ORDER BY id", found);
  protect(db,
          "SELECT resumed_from, 'what the open session ' || id || ' resumed from' FROM session "
          "WHERE state = 0 AND resumed_from IS NOT NULL ORDER BY id",
          found);
  return found;
}

// `intact` is asked of the view, and only where the verdict is right already.
std::optional<CheckpointId> last_stable(Connection& db, const std::string& run) {
  // Ids grow along a lineage; a parent that is not older would be a loop in a damaged catalog, and ends the walk.
  Statement row(db,
                "WITH RECURSIVE lineage(id, parent_id, stability) AS ("
                "  SELECT c.id, c.parent_id, c.stability FROM run AS r CROSS JOIN checkpoint AS c ON c.id = r.head"
                "  WHERE r.name = ?1"
                "  UNION ALL SELECT c.id, c.parent_id, c.stability FROM lineage AS l"
                "  CROSS JOIN checkpoint AS c ON c.id = l.parent_id WHERE c.id < l.id) "
                "SELECT l.id FROM lineage AS l CROSS JOIN v_checkpoints AS v ON v.id = l.id "
                "WHERE l.stability = 1 AND v.intact LIMIT 1",
                run);
  if (!row.step()) return std::nullopt;
  return row.id<CheckpointId>(0);
}

}  // namespace lastgood::catalog

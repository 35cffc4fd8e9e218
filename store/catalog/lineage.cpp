#include "store/catalog/lineage.h"

#include "store/catalog/connection.h"
#include "store/catalog/runs.h"
#include "store/catalog/schema.h"

namespace lastgood::catalog {
namespace {

/// The newest branch of any session of the run, up to its last step.
std::optional<Stretch> newest_stretch(Connection& db, RunId run) {
  Statement row(db,
                "SELECT b.id, b.base_step, b.base FROM session AS s CROSS JOIN branch AS b ON b.session_id = s.id "
                "WHERE s.run_id = ?1 ORDER BY b.id DESC LIMIT 1",
                run);
  if (!row.step()) return std::nullopt;
  Stretch stretch;
  stretch.branch = row.integer(0);
  stretch.after = row.integer(1);
  stretch.before = row.optional_id<CheckpointId>(2);
  return stretch;
}

// Nothing where the checkpoint is gone. A checkpoint from before there were branches has a stretch without any.
std::optional<Stretch> stretch_before(Connection& db, CheckpointId checkpoint) {
  Statement row(db,
                "SELECT coalesce((SELECT max(b.id) FROM branch AS b WHERE b.session_id = c.session_id "
                "AND b.after_checkpoint < c.id), 0), coalesce(p.step, -1), c.step, c.parent_id "
                "FROM checkpoint AS c LEFT JOIN checkpoint AS p ON p.id = c.parent_id WHERE c.id = ?1",
                checkpoint);
  if (!row.step()) return std::nullopt;
  Stretch stretch;
  stretch.branch = row.integer(0);
  stretch.after = row.integer(1);
  stretch.last = row.integer(2);
  stretch.before = row.optional_id<CheckpointId>(3);
  // Ids grow along a lineage; another parent would be a loop in a damaged catalog, and ends the walk.
  if (stretch.before && stretch.before->value >= checkpoint.value) stretch.before.reset();
  return stretch;
}

RunId require_run(Connection& db, const std::string& name) {
  if (const auto run = find_run(db, name)) return *run;
  throw Error(ErrorCode::not_found, name, "there is no run '" + name + "' in this store");
}

}  // namespace

/// A run that is named is looked for even where the walk begins at a checkpoint: a wrong name is told.
LineageWalk::LineageWalk(Connection& db, const std::optional<std::string>& run, std::optional<CheckpointId> leading_to)
    : db_(db) {
  if (!run && !leading_to) {
    throw Error(ErrorCode::invalid_argument, "lineage", "a lineage needs a run, or the checkpoint that it leads to");
  }
  const RunId id = run ? require_run(db, *run) : RunId{};
  if (!has_telemetry(db)) return;
  upcoming_ = leading_to ? stretch_before(db, *leading_to) : newest_stretch(db, id);
}

std::optional<Stretch> LineageWalk::next() {
  const std::optional<Stretch> stretch = upcoming_;
  upcoming_.reset();
  if (stretch && stretch->before) upcoming_ = stretch_before(db_, *stretch->before);
  return stretch;
}

}  // namespace lastgood::catalog

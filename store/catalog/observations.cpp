// Observations by lineage: the newest branch, then checkpoint by checkpoint towards the first. Each checkpoint accounts
// for the steps between its parent and itself on its own branch; so steps that a rollback took back are never counted.
#include <algorithm>
#include <limits>

#include "store/catalog/connection.h"
#include "store/catalog/runs.h"
#include "store/catalog/schema.h"
#include "store/catalog/telemetry.h"

namespace lastgood::catalog {
namespace {

constexpr int kLoss = 1, kGradientNorm = 2, kLearningRate = 4;
constexpr Step kBeforeAll = -1;

/// Steps of one branch: above `after`, up to `last`.
struct Stretch {
  std::int64_t branch = 0;
  Step after = kBeforeAll;
  Step last = std::numeric_limits<Step>::max();
  std::optional<CheckpointId> before;  // the checkpoint that it goes on from
};

std::optional<double> read_scalar(const Statement& row, int column, bool observed) {
  if (!observed) return std::nullopt;
  return row.real(column);  // NaN where the column is NULL
}

Observation read_observation(const Statement& row) {
  const auto observed = static_cast<int>(row.count_up_to(1, kLoss | kGradientNorm | kLearningRate));
  Observation found;
  found.step = row.integer(0);
  found.loss = read_scalar(row, 2, (observed & kLoss) != 0);
  found.gradient_norm = read_scalar(row, 3, (observed & kGradientNorm) != 0);
  found.learning_rate = read_scalar(row, 4, (observed & kLearningRate) != 0);
  found.health = row.enumerator(5, Health::unchecked, Health::critical);
  found.recorded_at_ms = row.integer(6);
  found.session = row.id<SessionId>(7);
  return found;
}

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

void append(Connection& db, const Stretch& stretch, std::uint64_t limit, std::vector<Observation>& newest_first) {
  Statement rows(db,
                 "SELECT o.step, o.observed, o.loss, o.gradient_norm, o.learning_rate, o.health, o.recorded_at_ms, "
                 "(SELECT b.session_id FROM branch AS b WHERE b.id = o.branch_id) FROM observation AS o "
                 "WHERE o.branch_id = ?1 AND o.step > ?2 AND o.step <= ?3 ORDER BY o.step DESC LIMIT ?4",
                 stretch.branch, stretch.after, stretch.last,
                 limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit - newest_first.size()));
  while (rows.step()) newest_first.push_back(read_observation(rows));
}

int observed_bits(const Observation& seen) {
  return (seen.loss ? kLoss : 0) | (seen.gradient_norm ? kGradientNorm : 0) | (seen.learning_rate ? kLearningRate : 0);
}

RunId require_run(Connection& db, const std::string& name) {
  if (const auto run = find_run(db, name)) return *run;
  throw Error(ErrorCode::not_found, name, "there is no run '" + name + "' in this store");
}

}  // namespace

void insert_observations(Connection& db, BranchId branch, std::span<const Observation> observations) {
  Statement insert(db,
                   "INSERT OR REPLACE INTO observation(branch_id, step, recorded_at_ms, observed, loss, gradient_norm, "
                   "learning_rate, health) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  for (const Observation& seen : observations) {
    insert.run_with(branch, seen.step, seen.recorded_at_ms, observed_bits(seen), seen.loss, seen.gradient_norm,
                    seen.learning_rate, static_cast<int>(seen.health));
  }
}

std::vector<Observation> list_observations(Connection& db, const ObservationQuery& query) {
  const RunId run = require_run(db, query.run);
  std::vector<Observation> found;
  if (!has_telemetry(db)) return found;
  auto stretch = query.leading_to ? stretch_before(db, *query.leading_to) : newest_stretch(db, run);
  while (stretch) {
    append(db, *stretch, query.limit, found);
    if (!stretch->before || (query.limit != 0 && found.size() >= query.limit)) break;
    stretch = stretch_before(db, *stretch->before);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace lastgood::catalog

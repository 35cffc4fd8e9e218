// A step has one row on each branch. Questions go stretch by stretch (lineage.h), so a step that a rollback took back
// is in the table and in no answer.
#include <algorithm>

#include "store/catalog/connection.h"
#include "store/catalog/lineage.h"
#include "store/catalog/telemetry.h"

namespace lastgood::catalog {
namespace {

// Bits of the column `observed`, a part of the format: they tell NaN, which SQLite keeps as NULL, from what nobody saw.
constexpr int kLoss = 1, kGradientNorm = 2, kLearningRate = 4;

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

/// Along the key (branch, step), backwards: only what is asked for is read.
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

}  // namespace

void insert_observations(Connection& db, BranchId branch, std::span<const Observation> observations) {
  // A step that is observed again, before and after the optimizer's step, replaces what was said of it.
  Statement insert(db,
                   "INSERT OR REPLACE INTO observation(branch_id, step, recorded_at_ms, observed, loss, gradient_norm, "
                   "learning_rate, health) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  for (const Observation& seen : observations) {
    insert.run_with(branch, seen.step, seen.recorded_at_ms, observed_bits(seen), seen.loss, seen.gradient_norm,
                    seen.learning_rate, static_cast<int>(seen.health));
  }
}

std::vector<Observation> list_observations(Connection& db, const ObservationQuery& query) {
  std::vector<Observation> found;
  for (LineageWalk walk(db, query.run, query.leading_to); const auto stretch = walk.next();) {
    append(db, *stretch, query.limit, found);
    if (query.limit != 0 && found.size() >= query.limit) break;
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace lastgood::catalog

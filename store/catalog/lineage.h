// Telemetry by lineage: the newest branch, then checkpoint by checkpoint towards the first. Each checkpoint accounts
// for the steps between its parent and itself on its own branch; so steps that a rollback took back are never counted.
// Only checkpoints divide the walk, not steps: it takes as many queries as the lineage has checkpoints within the
// limit.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Connection;

inline constexpr Step kBeforeAll = -1;

/// Steps of one branch: above `after`, up to `last`.
struct Stretch {
  std::int64_t branch = 0;
  Step after = kBeforeAll;
  Step last = std::numeric_limits<Step>::max();
  std::optional<CheckpointId> before;  // the checkpoint that it goes on from
};

/// Newest stretch first; none in a catalog of version 1. Runs inside a transaction of the caller's. A step takes
/// branch_session and keys alone; the start looks through the branches of the run's sessions.
class LineageWalk {
 public:
  /// Starts at the checkpoint, or else at the newest branch of the run. Throws Error: not_found (no such run),
  /// invalid_argument (neither was named).
  LineageWalk(Connection& db, const std::optional<std::string>& run, std::optional<CheckpointId> leading_to);

  std::optional<Stretch> next();

 private:
  Connection& db_;
  std::optional<Stretch> upcoming_;
};

}  // namespace lastgood::catalog

// Back to the newest checkpoint of the lineage that is stable, intact, and can be restored. For the thread that trains.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/recovery_target.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

namespace lastgood::recovery {

struct Rollback {
  std::optional<CheckpointInfo> restored;                        // nothing: there was none
  std::vector<std::pair<std::string, std::string>> passed_over;  // "checkpoint 7" and why
};

/// Walks from the head to its ancestors. Each candidate is verified, byte by byte, before it is restored; damage in one
/// leads to the next. The session's head is then there. Errors: those of restore that tell of no damage, of the
/// catalog. May lose: what was trained since the checkpoint. Not twice the same: a second call finds the head moved,
/// and verifies and restores that checkpoint again. A save under way is waited for before the head moves.
Rollback roll_back(const Store& store, Session& session, const RecoveryTarget& target);

}  // namespace lastgood::recovery

// The retention policy as pure judgement: which checkpoints of one run it lets go. No catalog, no clock. Safe from any
// thread. Protected checkpoints are the caller's to add.
#pragma once

#include <vector>

#include <lastgood/gc.h>

namespace lastgood {

/// Throws Error(invalid_argument) for a policy that contradicts itself; the message names the rule.
void check_policy(const RetentionPolicy& policy);

/// The ids of those that some rule keeps, in no order. `newest_first`: all checkpoints of one run. A rule that counts
/// does not count damaged checkpoints: it keeps those that it passes, and goes on until it has N intact ones.
std::vector<CheckpointId> kept_by(const RetentionPolicy& policy, const std::vector<CheckpointInfo>& newest_first);

}  // namespace lastgood

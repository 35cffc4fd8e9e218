// What recoveries have changed in a trainer, and what of it a checkpoint does not have yet.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <lastgood/recovery_target.h>
#include <lastgood/telemetry.h>

namespace lastgood::recovery {

/// A knob that was moved. A relative one lies in the checkpoints as well (a learning rate): to make the change again is
/// to multiply. Others are set to where they were moved.
struct Change {
  std::string knob;
  double from = 0;
  double to = 0;
  bool relative = false;
  bool operator==(const Change&) const = default;
};

/// The changes to be made after a restore of the checkpoint: relative ones of recoveries that are younger than it (it
/// was saved before them), all of the others. `recoveries`: oldest first.
std::vector<Change> pending_changes(std::span<const Recovery> recoveries, CheckpointId checkpoint);

/// Makes them. Knobs that the target does not have (any more) are left out.
void make_again(const RecoveryTarget& target, std::span<const Change> changes);

/// Upgrades the precision as often as recoveries did. For a trainer that is as its program has made it.
void upgrade_again(const RecoveryTarget& target, std::span<const Recovery> recoveries);

}  // namespace lastgood::recovery

// Counts over a run's recoveries. Pure. What was done is counted by action, whether or not the attempt succeeded.
#pragma once

#include <span>

#include <lastgood/recovery_report.h>

namespace lastgood::recovery {

/// All but consecutive_failures and checkpoint_count. `history`: oldest first. Resets do not count.
RecoveryReport summarise(std::span<const Recovery> history);

}  // namespace lastgood::recovery

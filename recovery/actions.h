// The actions that adjust a trainer, by name. Each says what it changed, or why it could not. For the thread that
// trains, on which the target's functions are called.
#pragma once

#include <string>
#include <vector>

#include <lastgood/recovery.h>

#include "recovery/adjustments.h"

namespace lastgood::recovery {

/// Changes are those of knobs, which a resume makes again; what else an action does is not repeated.
struct ActionOutcome {
  bool done = false;
  std::string why_not = {};  // when it was not
  std::vector<Change> changes = {};
};

/// True for the names that are built in.
bool is_known_action(const std::string& name);
/// True for those that change how the training goes on: all but rollback_checkpoint, save_checkpoint and
/// clear_cuda_cache.
bool is_adjustment(const std::string& name);

/// What an adjustment is about.
struct FailureSpan {
  Step first = 0;  // the first step after the state that is gone back to
  Step last = 0;   // the step that failed
};

/// Takes an adjustment. A knob at its limit, and one that the target does not have, is not done.
ActionOutcome adjust(const std::string& name, const RecoveryTarget& target, const RecoveryOptions& options,
                     const FailureSpan& span);

}  // namespace lastgood::recovery

// Before the first step: a mistake in a ladder would otherwise show at the first failure, when it is too late for it.
#include <algorithm>

#include <lastgood/error.h>

#include "recovery/actions.h"
#include "recovery/impl.h"

namespace lastgood::recovery {
namespace {

Error invalid(const std::string& subject, const std::string& message) {
  return {ErrorCode::invalid_argument, subject, message};
}

Error unknown_action(const std::string& failure, const std::string& action) {
  return invalid(action, "the ladder of '" + failure + "' names an unknown action, '" + action +
                             "': add it to RecoveryOptions::actions");
}

void check_rungs(const std::string& failure, const Ladder& ladder, const RecoveryOptions& options) {
  if (ladder.empty()) throw invalid(failure, "the ladder of '" + failure + "' has no rung");
  if (std::any_of(ladder.begin(), ladder.end(), [](const Rung& rung) { return rung.empty(); })) {
    throw invalid(failure, "a rung of the ladder of '" + failure + "' has no action");
  }
  for (const Rung& rung : ladder) {
    for (const std::string& action : rung) {
      if (is_known_action(action) || options.actions.contains(action)) continue;
      throw unknown_action(failure, action);
    }
  }
}

}  // namespace

void check_options(const RecoveryTarget& target, const RecoveryOptions& options) {
  if (!target.restore) throw invalid("restore", "RecoveryTarget::restore is empty: there is no way back without it");
  const bool factors = options.lr_factor > 0 && options.lr_factor < 1 && options.batch_factor > 0 &&
                       options.batch_factor < 1 && options.epsilon_factor > 1;
  if (!factors) throw invalid("factor", "lr_factor and batch_factor lie between 0 and 1, epsilon_factor above 1");
  if (options.max_retries == 0 || options.probation_steps < 1) {
    throw invalid("max_retries", "max_retries and probation_steps are at least 1");
  }
  for (const auto& [failure, ladder] : options.ladders) check_rungs(failure, ladder, options);
  // Found out before the training starts, not at the first failure.
  for (const auto& [failure, is_met] : options.failures) {
    if (!options.ladders.contains(failure)) throw invalid(failure, "the failure '" + failure + "' has no ladder");
  }
}

}  // namespace lastgood::recovery

// By step and not by event, so that a failure which shows in both phases of a step, or once more when the history is
// replayed, is one failure.
#include "monitor/failure_log.h"

#include <array>

namespace lastgood::monitor {

namespace {

constexpr std::array<FailureLog::Failure, 5> kFailures = {&FailureCounts::nan, &FailureCounts::inf,
                                                          &FailureCounts::gradient_explosion,
                                                          &FailureCounts::loss_divergence, &FailureCounts::oom};

}  // namespace

void FailureLog::note(Step step, Failure failure) {
  // Memory is bounded by the window, however long the run.
  steps_.erase(steps_.begin(), steps_.upper_bound(step - window_));
  FailureCounts& at_step = steps_[step];
  // A step may be observed twice. An allocation that fails twice within a step is two.
  if (at_step.*failure != 0 && failure != &FailureCounts::oom) return;
  ++(at_step.*failure);
  ++(total_.*failure);
}

void FailureLog::reset() {
  steps_.clear();
  total_ = {};
}

FailureCounts FailureLog::recent(Step newest) const {
  FailureCounts sum;
  for (auto at = steps_.upper_bound(newest - window_); at != steps_.end(); ++at) {
    for (const Failure failure : kFailures) sum.*failure += at->second.*failure;
  }
  return sum;
}

}  // namespace lastgood::monitor

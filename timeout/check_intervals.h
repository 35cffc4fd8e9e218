// The times between checks, of which the reserve keeps the slow tail: how late the next check may come.
//
// An evaluation may check thousands of times between two steps. So that its checks do not push the steps' times out,
// each step enters a window of its own, with the longest time between two checks since the step before it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <lastgood/ids.h>
#include <lastgood/timeout_machine.h>

#include "timeout/interval_window.h"

namespace lastgood::timeout {

class CheckIntervals {
 public:
  /// A check; `step`: how far the training has come, where the check says so.
  void add(BootTime now, std::optional<Step> step) noexcept {
    if (last_) {
      checks_.add(now - *last_);
      longest_ = std::max(longest_, now - *last_);
    }
    last_ = now;
    if (!step || step == step_) return;
    if (step_) steps_.add(longest_);
    step_ = step;
    longest_ = {};
  }

  /// What passes until the next check is no step's.
  void interrupt() noexcept { last_.reset(); }

  /// Of the latest checks or of the latest steps, whichever is more; zero where there are none.
  std::chrono::nanoseconds quantile(double q) const { return std::max(checks_.quantile(q), steps_.quantile(q)); }

 private:
  IntervalWindow checks_, steps_;
  std::optional<BootTime> last_;
  std::optional<Step> step_;
  std::chrono::nanoseconds longest_{};  // since `step_` was first named
};

}  // namespace lastgood::timeout

// Which failures were seen at which of the newest steps, and how many in all. For one thread.
#pragma once

#include <map>

#include <lastgood/monitor_dashboard.h>

namespace lastgood::monitor {

class FailureLog {
 public:
  using Failure = std::uint64_t FailureCounts::*;

  /// `window`: in steps, positive.
  explicit FailureLog(Step window) : window_(window) {}

  /// A failure counts once a step, but for `oom`, which counts each time.
  void note(Step step, Failure failure);
  /// Forgets the steps from this one on. They stay in the total: they did happen.
  void rewind(Step step) { steps_.erase(steps_.lower_bound(step), steps_.end()); }
  void reset();
  /// Takes what is within the window that ends with `newest` for all there was.
  void count_from(Step newest) { total_ = recent(newest); }

  /// Within the window that ends with `newest`.
  FailureCounts recent(Step newest) const;
  const FailureCounts& total() const noexcept { return total_; }

 private:
  Step window_;
  std::map<Step, FailureCounts> steps_;
  FailureCounts total_;
};

}  // namespace lastgood::monitor

// The latest 1,024 of the times that were measured.
//
// So that a phase of slow steps is forgotten again. For one thread; adding allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "timeout/quantile.h"

namespace lastgood::timeout {

class IntervalWindow {
 public:
  void add(std::chrono::nanoseconds interval) noexcept { times_[count_++ % times_.size()] = interval.count(); }

  /// Zero where there is none.
  std::chrono::nanoseconds quantile(double q) const {
    const std::size_t size = std::min(count_, times_.size());
    if (size == 0) return std::chrono::nanoseconds::zero();
    const std::vector<double> values(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(size));
    return std::chrono::nanoseconds(static_cast<std::int64_t>(timeout::quantile(values, q)));
  }

 private:
  std::array<std::int64_t, 1024> times_{};
  std::size_t count_ = 0;
};

}  // namespace lastgood::timeout

// Two answers to one question, by the user's choice (ExplosionDetector). What each finds and misses on generated and on
// real runs is measured in monitor/README.md.
#include "monitor/detectors/explosion.h"

#include <algorithm>
#include <cmath>

#include "monitor/statistics.h"

namespace lastgood::monitor {

// Without a logarithm or a division, so a norm of any size compares as it is.
bool exceeds_median(double norm, double median, double threshold) noexcept {
  return norm > threshold * median;
}

bool exceeds_log_deviation(double norm, std::span<const double> baseline, double k) {
  // Of the logarithm: a tenth of the norm (see the header).
  constexpr double kLeastDeviation = 0.1;
  std::vector<double> logs(baseline.size());
  std::transform(baseline.begin(), baseline.end(), logs.begin(), [](double value) { return std::log(value); });
  const double center = median(logs);
  const double deviation = std::max(robust_deviation(std::move(logs), center), kLeastDeviation);
  return std::log(norm) - center > k * deviation;
}

}  // namespace lastgood::monitor

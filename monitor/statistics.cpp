// Written out, in double, without a library: windows are short, and these must not overflow where their inputs do not.
#include "monitor/statistics.h"

#include <algorithm>
#include <cmath>

namespace lastgood::monitor {

double median(std::vector<double> values) {
  // nth_element leaves the smaller half in front, whose largest is the other one in the middle.
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double below = *std::max_element(values.begin(), middle);
  // Not half of the sum, which may overflow.
  return below + (*middle - below) / 2;
}

// By steps, so that a sum of finite numbers cannot overflow.
double mean(std::span<const double> values) {
  double result = 0, count = 0;
  for (const double value : values) {
    ++count;
    result += value / count - result / count;
  }
  return result;
}

double standard_deviation(std::span<const double> values) {
  const double center = mean(values);
  double root_sum = 0;
  // Squares of large numbers would overflow before their root is taken.
  for (const double value : values) root_sum = std::hypot(root_sum, value - center);
  return root_sum / std::sqrt(static_cast<double>(values.size()));
}

double robust_deviation(std::vector<double> values, double center) {
  constexpr double kNormalConsistency = 1.4826;
  for (double& value : values) value = std::abs(value - center);
  return kNormalConsistency * median(std::move(values));
}

}  // namespace lastgood::monitor

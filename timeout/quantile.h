// Quantiles of what was measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace lastgood::timeout {

/// The smallest value that at least the share `q` of all does not exceed: one that was measured, never one between two.
/// REQUIRES: values, and q in (0, 1].
inline double quantile(std::vector<double> values, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace lastgood::timeout

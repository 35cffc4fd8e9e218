// Condition numbers and Schatten norms against their thresholds. Pure.
#pragma once

#include <string>
#include <vector>

#include <lastgood/monitor_step.h>

namespace lastgood::monitor {

struct NumericsVerdict {
  bool condition_number_high = false;
  bool schatten_norm_high = false;
  std::vector<std::string> warnings;  // those two by name, and whatever could not be computed
};

/// Strictly above. A NaN, or a failure, is a warning of its own.
NumericsVerdict judge_numerics(const NumericalStability& measured, double condition_threshold,
                               double schatten_threshold);

}  // namespace lastgood::monitor

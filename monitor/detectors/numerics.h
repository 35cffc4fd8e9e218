// Condition numbers and Schatten norms against their thresholds. Pure.
#pragma once

#include <string>
#include <vector>

#include <lastgood/monitor_step.h>

namespace lastgood::monitor {

struct NumericsFinding {
  const char* kind = "";  // condition_number_high, schatten_norm_high or numerics_failed
  std::string name = {};  // of the matrix or operator
  std::string message = {};
};

struct NumericsVerdict {
  bool condition_number_high = false;
  bool schatten_norm_high = false;
  std::vector<NumericsFinding> findings = {};
};

/// Strictly above. A NaN, or a failure, is a finding of its own, and no high number.
NumericsVerdict judge_numerics(const NumericalStability& measured, double condition_threshold,
                               double schatten_threshold);

}  // namespace lastgood::monitor

#include "monitor/detectors/numerics.h"

#include <cmath>

#include "monitor/text.h"

namespace lastgood::monitor {

namespace {

bool any_nan(const EigenvalueStats& stats) {
  return std::isnan(stats.largest_modulus) || std::isnan(stats.smallest_modulus) || std::isnan(stats.spectral_radius) ||
         std::isnan(stats.share_positive_real_part);
}

void judge_schatten(const std::string& name, double s1, double s2, double threshold, NumericsVerdict& verdict) {
  if (std::isnan(s1) || std::isnan(s2)) {
    verdict.warnings.push_back("the Schatten norms of " + name + " could not be computed: NaN");
  } else if (s1 > threshold || s2 > threshold) {
    verdict.schatten_norm_high = true;
    verdict.warnings.push_back("Schatten norms of " + name + ": S1 " + number_text(s1) + ", S2 " + number_text(s2) +
                               ", above " + number_text(threshold));
  }
}

}  // namespace

NumericsVerdict judge_numerics(const NumericalStability& measured, double condition_threshold,
                               double schatten_threshold) {
  NumericsVerdict verdict;
  for (const auto& [name, condition] : measured.condition_numbers) {
    if (std::isnan(condition)) {
      verdict.warnings.push_back("the condition number of " + name + " could not be computed: NaN");
    } else if (condition > condition_threshold) {
      verdict.condition_number_high = true;
      verdict.warnings.push_back("condition number of " + name + ": " + number_text(condition) + ", above " +
                                 number_text(condition_threshold));
    }
  }
  for (const auto& [name, norms] : measured.schatten_norms) {
    judge_schatten(name, norms.first, norms.second, schatten_threshold, verdict);
  }
  for (const auto& [name, stats] : measured.eigenvalue_stats) {
    if (any_nan(stats)) verdict.warnings.push_back("the eigenvalues of " + name + " could not be computed: NaN");
  }
  for (const auto& [name, why] : measured.failures) {
    verdict.warnings.push_back("the numerical stability of " + name + " could not be computed: " + why);
  }
  return verdict;
}

}  // namespace lastgood::monitor

// What could not be computed is a finding beside what is too large, and never passes for healthy: a decomposition that
// does not converge says as much of a matrix as a high number does.
#include "monitor/detectors/numerics.h"

#include <cmath>

#include "monitor/text.h"

namespace lastgood::monitor {

namespace {

// No threshold judges eigenvalues; only that they are numbers.
bool any_nan(const EigenvalueStats& stats) {
  return std::isnan(stats.largest_modulus) || std::isnan(stats.smallest_modulus) || std::isnan(stats.spectral_radius) ||
         std::isnan(stats.share_positive_real_part);
}

NumericsFinding failure(const std::string& name, const char* what, const std::string& why) {
  return {"numerics_failed", name, std::string(what) + " of " + name + " could not be computed: " + why};
}

std::string above(double threshold) {
  return ", above " + number_text(threshold);
}

void judge_condition(const std::string& name, double condition, double threshold, NumericsVerdict& verdict) {
  if (std::isnan(condition)) {
    verdict.findings.push_back(failure(name, "the condition number", "NaN"));
  } else if (condition > threshold) {
    verdict.condition_number_high = true;
    verdict.findings.push_back({"condition_number_high", name,
                                "condition number of " + name + ": " + number_text(condition) + above(threshold)});
  }
}

void judge_schatten(const std::string& name, double s1, double s2, double threshold, NumericsVerdict& verdict) {
  if (std::isnan(s1) || std::isnan(s2)) {
    verdict.findings.push_back(failure(name, "the Schatten norms", "NaN"));
  } else if (s1 > threshold || s2 > threshold) {
    verdict.schatten_norm_high = true;
    verdict.findings.push_back(
        {"schatten_norm_high", name,
         "Schatten norms of " + name + ": S1 " + number_text(s1) + ", S2 " + number_text(s2) + above(threshold)});
  }
}

}  // namespace

NumericsVerdict judge_numerics(const NumericalStability& measured, double condition_threshold,
                               double schatten_threshold) {
  NumericsVerdict verdict;
  for (const auto& [name, condition] : measured.condition_numbers) {
    judge_condition(name, condition, condition_threshold, verdict);
  }
  for (const auto& [name, norms] : measured.schatten_norms) {
    judge_schatten(name, norms.first, norms.second, schatten_threshold, verdict);
  }
  for (const auto& [name, stats] : measured.eigenvalue_stats) {
    if (any_nan(stats)) verdict.findings.push_back(failure(name, "the eigenvalues", "NaN"));
  }
  for (const auto& [name, why] : measured.failures) {
    verdict.findings.push_back(failure(name, "the numerical stability", why));
  }
  return verdict;
}

}  // namespace lastgood::monitor

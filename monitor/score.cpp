// For people and for comparisons with the reference. No decision of ours rests on the score: verdicts and recoveries go
// by the failures themselves.
#include "monitor/score.h"

#include <algorithm>
#include <cmath>

#include "monitor/statistics.h"

namespace lastgood::monitor {

namespace {

constexpr std::size_t kNormsForUnrest = 10;
constexpr std::size_t kLossesOfHalf = 10;

/// Ten times the coefficient of variation, at most 20: the last term of the reference's formula.
double unrest_penalty(std::span<const double> norms) {
  constexpr double kWeight = 10, kMost = 20;
  if (norms.size() < kNormsForUnrest) return 0;
  const double center = mean(norms);
  // All of them 0: nothing to be a share of.
  if (center == 0) return 0;
  return std::min(kWeight * standard_deviation(norms) / center, kMost);
}

}  // namespace

double health_score(const FailureCounts& recent, std::span<const double> gradient_norms) {
  const double penalty = 20.0 * static_cast<double>(recent.nan) + 20.0 * static_cast<double>(recent.inf) +
                         5.0 * static_cast<double>(recent.gradient_explosion) +
                         5.0 * static_cast<double>(recent.loss_divergence) + 10.0 * static_cast<double>(recent.oom);
  return std::clamp(100.0 - penalty - unrest_penalty(gradient_norms), 0.0, 100.0);
}

LossTrend loss_trend(std::span<const double> losses) {
  constexpr double kMargin = 0.05;
  if (losses.size() < 2 * kLossesOfHalf) return LossTrend::insufficient_data;
  const double newer = mean(losses.last(kLossesOfHalf));
  const double older = mean(losses.last(2 * kLossesOfHalf).first(kLossesOfHalf));
  // For a positive older mean these are the reference's 0.95 and 1.05 times it.
  const double change = newer - older, margin = kMargin * std::abs(older);
  if (change < -margin) return LossTrend::improving;
  if (change > margin) return LossTrend::degrading;
  return LossTrend::stable;
}

}  // namespace lastgood::monitor

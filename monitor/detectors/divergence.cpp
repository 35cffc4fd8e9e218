// Medians at both ends instead of a fitted line: a single loss, however large, moves neither of them.
#include "monitor/detectors/divergence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "monitor/statistics.h"

namespace lastgood::monitor {

namespace {

std::vector<double> copied(std::span<const double> values) {
  return {values.begin(), values.end()};
}

}  // namespace

std::optional<LossChange> measure_loss_change(std::span<const double> losses) {
  // A loss that is zero up to rounding has no noise either.
  constexpr double kLeastScale = 1e-12, kNoiseScale = 4;
  if (losses.size() < 2 * kFewestLossesAtEnd) return std::nullopt;
  const std::size_t at_end = std::min(kMostLossesAtEnd, losses.size() / 2);
  LossChange change;
  change.then = median(copied(losses.first(at_end)));
  change.now = median(copied(losses.last(at_end)));
  // Without the newest, which would count the rise itself as noise.
  const std::span<const double> before = losses.first(losses.size() - at_end);
  const double noise = robust_deviation(copied(before), median(copied(before)));
  change.scale = std::max({std::abs(change.then), kNoiseScale * noise, kLeastScale});
  return change;
}

// Rises alone. A loss that falls, by however much, is none of this detector's business.
bool has_diverged(const LossChange& change, double threshold) noexcept {
  return change.increase() > threshold;
}

}  // namespace lastgood::monitor

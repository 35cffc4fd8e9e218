// Asks of a loss that was smoothed already (the median at the window's newer end, divergence.h): raw losses of batches
// find a new best by luck for a long time.
#include "monitor/detectors/stagnation.h"

#include <cmath>

namespace lastgood::monitor {

bool improves(double smoothed, double best) noexcept {
  constexpr double kLeastShare = 1e-3;
  // By its size, so that losses below zero work as well.
  return smoothed < best - kLeastShare * std::abs(best);
}

bool has_stagnated(Step step, Step best_step, Step limit) noexcept {
  return limit != 0 && step - best_step > limit;
}

}  // namespace lastgood::monitor

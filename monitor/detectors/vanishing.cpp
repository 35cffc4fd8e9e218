// Only as good as its median: a run whose gradients were small from the start has a small median, and nothing to
// compare with.
#include "monitor/detectors/vanishing.h"

namespace lastgood::monitor {

bool has_vanished(double norm, std::optional<double> median, double threshold) noexcept {
  return norm == 0 || (median && norm < threshold * *median);
}

}  // namespace lastgood::monitor

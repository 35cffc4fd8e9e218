#include "monitor/detectors/vanishing.h"

namespace lastgood::monitor {

bool has_vanished(double norm, std::optional<double> median, double threshold) noexcept {
  return norm == 0 || (median && norm < threshold * *median);
}

}  // namespace lastgood::monitor

// The only detector without history: a NaN is a failure in the first step as in any other, and no threshold of the
// user's can hide it.
#include "monitor/detectors/non_finite.h"

#include <cmath>

namespace lastgood::monitor {

namespace {

/// A scalar counts as one element.
void check_scalar(const char* name, const std::optional<double>& value, std::vector<NonFinite>& found) {
  if (!value || std::isfinite(*value)) return;
  const bool nan = std::isnan(*value);
  found.push_back({.name = name, .what = "scalar", .nan = nan ? 1u : 0u, .inf = nan ? 0u : 1u});
}

}  // namespace

std::vector<NonFinite> find_non_finite(const StepObservation& observation, bool gradients_excused) {
  std::vector<NonFinite> found;
  check_scalar("loss", observation.loss, found);
  if (!gradients_excused) check_scalar("gradient_norm", observation.gradient_norm, found);
  if (!observation.scan) return found;
  for (const ScannedTensor& tensor : observation.scan->tensors) {
    if (tensor.nan == 0 && tensor.inf == 0) continue;
    if (gradients_excused && tensor.kind == TensorKind::gradient) continue;
    found.push_back({.name = tensor.name, .what = to_string(tensor.kind), .nan = tensor.nan, .inf = tensor.inf});
  }
  return found;
}

}  // namespace lastgood::monitor

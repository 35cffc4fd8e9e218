// What is not a number, or infinite: in the tensors of a scan and in the scalars of a step. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lastgood/monitor_step.h>

namespace lastgood::monitor {

/// One thing that is not finite.
struct NonFinite {
  std::string name;
  std::string what;       // "parameter", or "scalar"
  std::uint64_t nan = 0;  // how many
  std::uint64_t inf = 0;
};

/// The loss and the gradient norm first, then tensors in the order of the scan. With `gradients_excused` (the step is
/// skipped for a loss-scale overflow) neither gradients nor their norm count.
std::vector<NonFinite> find_non_finite(const StepObservation& observation, bool gradients_excused);

}  // namespace lastgood::monitor

// A gradient norm far below what it used to be: nothing is learnt any more. Pure.
#pragma once

#include <optional>

namespace lastgood::monitor {

/// Below `threshold` times the median, where there is one; a norm of 0 has vanished whatever came before.
bool has_vanished(double norm, std::optional<double> median, double threshold) noexcept;

}  // namespace lastgood::monitor

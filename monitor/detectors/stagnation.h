// A loss that gets no better. Pure.
#pragma once

#include <lastgood/ids.h>

namespace lastgood::monitor {

/// True if `smoothed` is better than `best` by more than a thousandth of its size: less is noise.
bool improves(double smoothed, double best) noexcept;

/// More than `limit` steps since the best loss; a limit of 0 never trips.
bool has_stagnated(Step step, Step best_step, Step limit) noexcept;

}  // namespace lastgood::monitor

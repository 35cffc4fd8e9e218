// What a resume makes again of the adjustments that recoveries had made, in words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <lastgood/recovery_target.h>

namespace lastgood::loop {

/// The numbers that recoveries change, by the names of their knobs, as they are now.
using KnobValues = std::vector<std::pair<std::string, double>>;
KnobValues read_knobs(const RecoveryTarget& target);

/// "optimizer.param_groups.0.lr 0.01 -> 0.001, batch 16 -> 8"; the first few where there are many, and empty where none
/// has moved. REQUIRES: both are of one target.
std::string moves(const KnobValues& before, const KnobValues& after);

}  // namespace lastgood::loop

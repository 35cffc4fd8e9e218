// What the rows of a run's recoveries say of one that was given up.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include <lastgood/recovery_report.h>

namespace lastgood::recovery {

/// The attempts since the latest success. `history`: oldest first. Halts are left out: after one, a restart may have
/// gone on.
std::vector<Recovery> attempts_in(std::span<const Recovery> history);

/// Of the newest halt among them. What to go back to is asked of `store`.
std::optional<HaltReport> diagnose(const Store& store, std::span<const Recovery> history);

}  // namespace lastgood::recovery

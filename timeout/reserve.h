// How much time must be kept for the last save.
//
//   reserve = 1.5 x (95 % quantile of a save's time) + (99 % quantile of the time between two checks) + drain
//
// A save's time is from the call until the checkpoint is on disk, as this store measured it. The time between checks
// (check_intervals.h) is there because the end may draw near just after one; the drain, because a process takes a while
// to end. The factor stands between a disk that was measured and one that all jobs of a cluster use when all of them
// are told to end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include <lastgood/telemetry.h>

namespace lastgood::timeout {

/// The 95 % quantile over saves of half to twice the size, where there are three at least; else `bytes` over the slow
/// tail, 5 %, of the bandwidths of saves that wrote 1 MiB or more (below that a save's fixed costs drown them). Nothing
/// where there are neither. Failed saves tell nothing.
std::optional<std::chrono::nanoseconds> save_time(std::span<const SaveCost> costs, std::uint64_t bytes);

std::chrono::nanoseconds reserve(std::optional<std::chrono::nanoseconds> save, std::chrono::nanoseconds step,
                                 std::chrono::nanoseconds drain);

}  // namespace lastgood::timeout

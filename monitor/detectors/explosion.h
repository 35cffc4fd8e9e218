// A gradient norm far above what it used to be. Pure.
#pragma once

#include <span>

namespace lastgood::monitor {

/// Norms that a baseline needs before anything is judged by it.
inline constexpr std::size_t kMinimumNorms = 10;

/// REQUIRES: the median is positive.
bool exceeds_median(double norm, double median, double threshold) noexcept;

/// True if log(norm) lies more than `k` robust standard deviations above the median of the logarithms. Gradient norms
/// are about log-normal, so this follows their noise where a fixed ratio cannot. The deviation counts as at least 0.1
/// (a tenth of the norm): a baseline without noise would take any change for an explosion.
/// REQUIRES: baseline is not empty, and its norms and `norm` are positive.
bool exceeds_log_deviation(double norm, std::span<const double> baseline, double k);

}  // namespace lastgood::monitor

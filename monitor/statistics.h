// Statistics of a few hundred numbers, all of them finite. Pure.
#pragma once

#include <span>
#include <vector>

namespace lastgood::monitor {

/// REQUIRES (all three): not empty. The median of an even count is the mean of the two in the middle.
double median(std::vector<double> values);
double mean(std::span<const double> values);
/// Of the population, around the mean.
double standard_deviation(std::span<const double> values);

/// The median absolute deviation from `center`, times 1.4826: for normal noise, its standard deviation.
/// F. R. Hampel, "The influence curve and its role in robust estimation", 1974. REQUIRES: not empty.
double robust_deviation(std::vector<double> values, double center);

}  // namespace lastgood::monitor

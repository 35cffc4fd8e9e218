// Reading TimeoutOptions.
#pragma once

#include <chrono>

#include <lastgood/timeout.h>

namespace lastgood::timeout {

/// Throws Error(invalid_argument) by the name of the option that makes no sense.
void check_options(const TimeoutOptions& options);

std::chrono::nanoseconds from_hours(double hours) noexcept;
std::chrono::nanoseconds from_minutes(double minutes) noexcept;
std::chrono::nanoseconds from_seconds(double seconds) noexcept;

/// The platform's sources, the user's duration, and those that the user added.
DeadlineSources all_sources(const Machine& machine, TimeoutOptions& options, BootTime start);

}  // namespace lastgood::timeout

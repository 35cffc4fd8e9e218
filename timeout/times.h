// Times as schedulers and clouds write them, and the way from the wall clock to the boot clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <lastgood/timeout_machine.h>

namespace lastgood::timeout {

using WallTime = std::chrono::system_clock::time_point;

/// Decimal digits and nothing else, up to 18 of them.
std::optional<std::int64_t> parse_count(std::string_view text);
/// "2026-11-24T18:30:00Z", or with a fraction of a second, which is dropped.
std::optional<WallTime> parse_iso_time(std::string_view text);
/// "Mon, 19 Sep 2016 18:29:47 GMT", of RFC 9110.
std::optional<WallTime> parse_http_time(std::string_view text);
/// "90", "30:00" or "36:00:00": seconds, minutes and seconds, hours, minutes and seconds.
std::optional<std::chrono::seconds> parse_clock(std::string_view text);

std::string_view trimmed(std::string_view text);

/// When the boot clock will show what the wall clock calls `end`, as the two stand now.
BootTime boot_time(const Machine& machine, WallTime end);
/// The way back: what the wall clock shows at `at`, in milliseconds since 1970, as the two stand now.
std::int64_t wall_ms(const Machine& machine, BootTime at);

/// "2026-11-24T18:30:00Z", without the fraction.
std::string iso_time(std::int64_t ms);

}  // namespace lastgood::timeout

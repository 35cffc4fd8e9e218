// Numbers as people read and write them. The same under every locale: a point, and no grouping.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lastgood::cli {

/// "512 B", "1.50 GiB": three digits that count, at most 8 columns.
std::string human_bytes(std::uint64_t bytes);

/// The time from `since_ms` (milliseconds since 1970) to now, in one unit: "12s", "5m", "3h", "40d", "2y".
std::string age(std::int64_t since_ms);
/// The same for a time span. A negative one, from a clock that was set back, counts as none.
std::string human_duration(std::chrono::milliseconds span);

/// "2024-05-01T12:00:00.123Z"
std::string iso_time(std::int64_t ms);

/// Four digits that count: "2.131", "1.2e-05", "nan".
std::string human_number(double value);

/// "90", "90s", "15m", "12h", "7d", "2w". Nothing when `text` is none of these.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// A number in decimal digits. Nothing when `text` is anything else or too large.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace lastgood::cli

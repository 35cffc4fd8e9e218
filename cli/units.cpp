// Numbers are cut to what fits a column and can be taken in at a glance; --json has them in full.
#include "cli/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace lastgood::cli {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.5 would be printed as 1024.
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  // By what will be printed: with two decimals, 9.995 would become 10.00, a digit too many.
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s", decimals, value, kUnits[unit]);
  return text;
}

std::string human_duration(milliseconds span) {
  struct Unit {
    std::int64_t seconds;
    std::int64_t below;  // the unit is used for spans shorter than this
    char name;
  };
  // Two of a unit before it is used, so that at least two digits or an exact small number are shown.
  constexpr Unit kUnits[] = {{1, 120, 's'}, {60, 7'200, 'm'}, {3'600, 172'800, 'h'}, {86'400, 63'072'000, 'd'}};
  const std::int64_t seconds = span.count() < 0 ? 0 : span.count() / 1000;
  for (const Unit& unit : kUnits) {
    if (seconds < unit.below) return std::to_string(seconds / unit.seconds) + unit.name;
  }
  return std::to_string(seconds / 31'536'000) + "y";
}

std::string age(std::int64_t since_ms) {
  const auto now = duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  return human_duration(now - milliseconds(since_ms));
}

std::string iso_time(std::int64_t ms) {
  // Of times before 1970, too, whose remainder is negative in C++.
  const std::int64_t part = ((ms % 1000) + 1000) % 1000;
  const auto seconds = static_cast<std::time_t>((ms - part) / 1000);
  std::tm parts{};
  char text[64];
  gmtime_r(&seconds, &parts);  // cannot fail: 64 bits of milliseconds stay within its range of years
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(part));
  return text;
}

std::string human_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t unit = 1;
  switch (text.back()) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3'600; break;
    case 'd': unit = 86'400; break;
    case 'w': unit = 604'800; break;
    default: unit = 0;
  }
  const auto count = parse_count(unit == 0 ? text : text.substr(0, text.size() - 1));
  constexpr std::uint64_t kMost = 1'000'000'000;  // keeps the product far from overflow
  if (!count || *count > kMost) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(*count) * (unit == 0 ? 1 : unit));
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace lastgood::cli

// Strict: what is not wholly in a known form is no time. A limit that was read wrongly would end a training early, or
// too late to save it.
#include "timeout/times.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>

namespace lastgood::timeout {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

std::optional<WallTime> wall_time(const Fields& from) {
  namespace chrono = std::chrono;
  const chrono::year_month_day date{chrono::year(from.year), chrono::month(static_cast<unsigned>(from.month)),
                                    chrono::day(static_cast<unsigned>(from.day))};
  const bool sound = date.ok() && from.hour >= 0 && from.hour < 24 && from.minute >= 0 && from.minute < 60 &&
                     from.second >= 0 && from.second <= 60;
  if (!sound || from.year < 1970 || from.year > 2200) return std::nullopt;
  return WallTime(chrono::sys_days(date)) + chrono::hours(from.hour) + chrono::minutes(from.minute) +
         chrono::seconds(from.second);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || text.size() > 18 || !digits) return std::nullopt;
  std::int64_t count = 0;
  for (const char c : text) count = 10 * count + (c - '0');
  return count;
}

std::optional<WallTime> parse_iso_time(std::string_view text) {
  Fields fields;
  int end = 0;
  const std::string line(text);
  if (std::sscanf(line.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &fields.year, &fields.month, &fields.day, &fields.hour,
                  &fields.minute, &fields.second, &end) != 6) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(static_cast<std::size_t>(end));
  if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  return rest == "Z" ? wall_time(fields) : std::nullopt;
}

std::optional<WallTime> parse_http_time(std::string_view text) {
  Fields fields;
  char month[4] = {}, zone[4] = {};
  const std::string line(text);
  if (std::sscanf(line.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s", &fields.day, month, &fields.year,
                  &fields.hour, &fields.minute, &fields.second, zone) != 7 ||
      std::string_view(zone) != "GMT") {
    return std::nullopt;
  }
  const auto found = std::find(kMonths.begin(), kMonths.end(), month);
  if (found == kMonths.end()) return std::nullopt;
  fields.month = static_cast<int>(found - kMonths.begin()) + 1;
  return wall_time(fields);
}

std::optional<std::chrono::seconds> parse_clock(std::string_view text) {
  std::int64_t seconds = 0;
  for (int parts = 0; parts < 3; ++parts) {
    const auto colon = text.find(':');
    const auto part = parse_count(text.substr(0, colon));
    if (!part || *part > 1'000'000'000) return std::nullopt;
    seconds = 60 * seconds + *part;
    if (colon == std::string_view::npos) return std::chrono::seconds(seconds);
    text.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

// A wall clock that is wrong shifts the result by its error, once: the caller keeps what it gets.
BootTime boot_time(const Machine& machine, WallTime end) {
  return machine.now() + std::chrono::duration_cast<std::chrono::nanoseconds>(end - machine.wall_clock());
}

std::int64_t wall_ms(const Machine& machine, BootTime at) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  // In milliseconds before they are added: in nanoseconds, an end beyond the year 2262 would not fit.
  const auto from_now = duration_cast<milliseconds>(at - machine.now());
  return (duration_cast<milliseconds>(machine.wall_clock().time_since_epoch()) + from_now).count();
}

std::string iso_time(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace lastgood::timeout

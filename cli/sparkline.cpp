// Steps are many and columns few. What must not be lost in squeezing them is the exception: the largest value, the one
// that is not finite, the worst verdict.
#include "cli/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lastgood::cli {

namespace {

constexpr std::size_t kLevels = 8;
constexpr std::array<const char*, kLevels + 1> kBars = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
// Of growing blackness, as ASCII has no bars.
constexpr std::array<const char*, kLevels + 1> kAsciiBars = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
constexpr double kLogarithmicFrom = 100;

template <class Value, class Merge>
std::vector<Value> merged(std::span<const Value> values, std::size_t columns, Merge merge) {
  columns = std::min(columns, values.size());
  std::vector<Value> result;
  for (std::size_t i = 0; i < columns; ++i) {
    const auto share =
        values.subspan(i * values.size() / columns, (i + 1) * values.size() / columns - i * values.size() / columns);
    Value all = share.front();
    for (const Value& next : share.subspan(1)) all = merge(all, next);
    result.push_back(all);
  }
  return result;
}

bool is_broken(const std::optional<double>& value) {
  return value && !std::isfinite(*value);
}

std::optional<double> larger(const std::optional<double>& a, const std::optional<double>& b) {
  if (is_broken(a) || !b) return a;
  return is_broken(b) || !a ? b : std::max(a, b);
}

/// From 0 to 1. In a wider type: the distance between two doubles need not be one. REQUIRES: two ends that differ.
long double height(double value, const Scale& scale) {
  const auto place = [&](double number) {
    const auto wide = static_cast<long double>(number);
    return scale.logarithmic ? std::log(wide) : wide;
  };
  return (place(value) - place(scale.low)) / (place(scale.high) - place(scale.low));
}

/// From 1 to `most`, so that the smallest value is told from nothing.
std::size_t level(double value, const Scale& scale, std::size_t most) {
  if (scale.low == scale.high) return most / 2;
  return 1 + static_cast<std::size_t>(std::lround(height(value, scale) * static_cast<long double>(most - 1)));
}

}  // namespace

Series squeeze(std::span<const std::optional<double>> values, std::size_t columns) {
  return merged(values, columns, larger);
}

std::vector<Health> squeeze(std::span<const Health> verdicts, std::size_t columns) {
  return merged(verdicts, columns, [](Health a, Health b) { return std::max(a, b); });
}

std::optional<Scale> scale_of(std::span<const std::optional<double>> values) {
  std::optional<Scale> scale;
  for (const auto& value : values) {
    if (!value || is_broken(value)) continue;
    if (!scale) scale = Scale{*value, *value, false};
    scale->low = std::min(scale->low, *value);
    scale->high = std::max(scale->high, *value);
  }
  if (scale) scale->logarithmic = scale->low > 0 && scale->high / scale->low >= kLogarithmicFrom;
  return scale;
}

// Filled from below, an eighth of a row at a time. Rows are of one height whatever the glyphs.
std::vector<std::vector<std::string>> sparkline(std::span<const std::optional<double>> values, std::size_t rows,
                                                const std::optional<Scale>& scale, bool utf8) {
  const auto& bars = utf8 ? kBars : kAsciiBars;
  std::vector<std::vector<std::string>> glyphs(rows, std::vector<std::string>(values.size(), " "));
  for (std::size_t column = 0; column < values.size(); ++column) {
    if (!values[column]) continue;
    const bool broken = !scale || is_broken(values[column]);
    const std::size_t filled = broken ? 0 : level(*values[column], *scale, rows * kLevels);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t below = (rows - 1 - row) * kLevels;
      const std::size_t part = filled <= below ? 0 : std::min(filled - below, kLevels);
      glyphs[row][column] = broken ? (utf8 ? "×" : "x") : bars[part];
    }
  }
  return glyphs;
}

}  // namespace lastgood::cli

// Numbers as a row of bars. Pure: values in, text out.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/telemetry.h>

namespace lastgood::cli {

/// Nothing where nothing was measured; NaN and infinities are values that were.
using Series = std::vector<std::optional<double>>;

/// `values` in at most so many columns, each standing for an equal share of them, in order: the largest of it, so that
/// a spike of one step is seen; one that is not finite before all others. Fewer values take a column each.
Series squeeze(std::span<const std::optional<double>> values, std::size_t columns);
/// The worst verdict of each share; the same shares.
std::vector<Health> squeeze(std::span<const Health> verdicts, std::size_t columns);

/// From where to where bars go. Logarithmic where all values are positive and the largest is 100 times the smallest:
/// one explosion would flatten all the rest.
struct Scale {
  double low = 0;
  double high = 0;
  bool logarithmic = false;
};
/// Nothing where no value is finite.
std::optional<Scale> scale_of(std::span<const std::optional<double>> values);

/// The glyphs of a bar for each value, `rows` rows of them, the uppermost first; each takes one column. A value at the
/// scale's low end is the smallest bar, one that is not finite is marked, nothing is blank. Where the scale's ends are
/// equal, bars are of half the height. REQUIRES: a scale of these values, or of more of which these were squeezed.
std::vector<std::vector<std::string>> sparkline(std::span<const std::optional<double>> values, std::size_t rows,
                                                const std::optional<Scale>& scale, bool utf8);

}  // namespace lastgood::cli

// A run on one screen: numbers in, lines out. Nothing is read or printed here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/run_view.h"

namespace lastgood::cli {

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
  bool operator==(const ScreenSize&) const = default;
};

struct ScreenStyle {
  bool color = false;
  bool utf8 = true;  // false: ASCII alone
};

/// At most so many lines, none wider than the screen, none with a line break in it. What the store holds is escaped.
/// A higher screen has higher charts and longer lists; a lower one loses what stands below. Ages are by `now_ms`.
std::vector<std::string> watch_screen(const RunView& view, ScreenSize size, ScreenStyle style, std::int64_t now_ms);

/// The same for any text of ours.
std::string fit_line(std::string_view painted, std::size_t columns, ScreenStyle style);

}  // namespace lastgood::cli

// What the parts of the screen of `lastgood watch` share: its size, its style, and the time by which ages are told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/run_view.h"
#include "cli/watch_screen.h"

namespace lastgood::cli {

/// Painted, and as long as they come: watch_screen() cuts them in the end.
using Lines = std::vector<std::string>;

struct Frame {
  static constexpr std::size_t kLabelColumns = 12;

  ScreenSize size;
  ScreenStyle style;
  std::int64_t now_ms = 0;

  std::string paint(std::string_view text, Tone tone) const { return cli::paint(text, tone, style.color); }
  /// "5m"
  std::string age(std::int64_t at_ms) const;
  /// A label and what it is about. REQUIRES: less than kLabelColumns characters.
  static std::string row(std::string_view label, const std::string& value);
};

/// Loss and gradient norm over the verdicts, in columns of the same steps. Nothing where nothing was observed.
void add_charts(Lines& lines, const Frame& frame, const RunView& view);

/// Checkpoints, recoveries, alarms and sessions, in as many lines as the frame has left after `lines`.
void add_lists(Lines& lines, const Frame& frame, const RunView& view);

}  // namespace lastgood::cli

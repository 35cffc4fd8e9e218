// Loss and gradient norm over the steps that are kept, one column for several of them, and below both a band of
// verdicts. Scale and newest value stand beside a chart; on a narrow screen the scale goes first.
#include <algorithm>

#include "cli/records.h"
#include "cli/sparkline.h"
#include "cli/units.h"
#include "cli/watch_frame.h"

namespace lastgood::cli {

namespace {

constexpr std::size_t kScaleColumns = 16;     // right of a chart
constexpr std::size_t kNarrowest = 20;        // of a chart: narrower, the scale goes
constexpr std::size_t kRowsPerChartRow = 12;  // of the screen, for each row of a chart
constexpr std::size_t kChartRows = 6;         // at most

std::size_t chart_columns(const Frame& frame) {
  const std::size_t beside = Frame::kLabelColumns + kScaleColumns;
  if (frame.size.columns >= beside + kNarrowest) return frame.size.columns - beside;
  return std::max(frame.size.columns, Frame::kLabelColumns + 1) - Frame::kLabelColumns;
}

/// Glyphs in the tones of their columns; neighbours of one tone together.
std::string painted_glyphs(const Frame& frame, const Lines& glyphs, const std::vector<Health>& bands) {
  std::string text, same;
  for (std::size_t i = 0; i < glyphs.size(); ++i) {
    same += glyphs[i];
    if (i + 1 < glyphs.size() && bands[i + 1] == bands[i]) continue;
    text += frame.paint(same, tone_of(bands[i]));
    same.clear();
  }
  return text;
}

/// "loss", then its newest value, down the left side; from where to where it goes, down the right one.
void add_chart(Lines& lines, const Frame& frame, std::string_view name, const Series& series,
               const std::vector<Health>& bands, std::size_t rows) {
  const std::optional<Scale> scale = scale_of(series);
  const auto newest = std::find_if(series.rbegin(), series.rend(), [](const auto& value) { return value.has_value(); });
  if (newest == series.rend()) return;
  const std::size_t columns = chart_columns(frame);
  auto glyphs = sparkline(squeeze(series, columns), rows, scale, frame.style.utf8);
  for (std::size_t i = 0; i < rows; ++i) {
    std::string label, mark;
    if (i == 0) label = name;
    if (i == 1) label = human_number(**newest);
    if (i == 2 && scale && scale->logarithmic) label = "logarithmic";
    if (rows == 1) mark = human_number(**newest);
    if (rows > 1 && i == 0 && scale) mark = "max " + human_number(scale->high);
    if (rows > 1 && i + 1 == rows && scale) mark = "min " + human_number(scale->low);
    if (mark.empty()) {
      while (!glyphs[i].empty() && glyphs[i].back() == " ") glyphs[i].pop_back();
    } else {
      mark.insert(0, columns - glyphs[i].size() + 2, ' ');
    }
    lines.push_back(Frame::row(label, painted_glyphs(frame, glyphs[i], bands) + mark));
  }
}

std::string band_glyph(Health health, bool utf8) {
  switch (health) {
    case Health::unchecked: return utf8 ? "·" : ".";
    case Health::healthy: return utf8 ? "─" : "-";
    case Health::warning: return "!";
    case Health::critical: return "X";
  }
  return " ";
}

/// The band tells verdicts apart without colours, too.
void add_band(Lines& lines, const Frame& frame, const RunView& view, const std::vector<Health>& bands) {
  Lines glyphs;
  for (const Health health : bands) glyphs.push_back(band_glyph(health, frame.style.utf8));
  lines.push_back(Frame::row("verdict", painted_glyphs(frame, glyphs, bands)));
  const std::string first = "step " + std::to_string(view.observations.front().step);
  const std::string last = "step " + std::to_string(view.observations.back().step);
  const std::size_t between = bands.size() > first.size() + last.size() ? bands.size() - first.size() - last.size() : 2;
  const std::string axis = view.observations.size() == 1 ? first : first + std::string(between, ' ') + last;
  lines.push_back(frame.paint(Frame::row("", axis), Tone::faint));
}

}  // namespace

void add_charts(Lines& lines, const Frame& frame, const RunView& view) {
  if (view.observations.empty()) return;
  Series loss, gradient;
  std::vector<Health> verdicts;
  for (const Observation& seen : view.observations) {
    loss.push_back(seen.loss);
    gradient.push_back(seen.gradient_norm);
    verdicts.push_back(seen.health);
  }
  const std::vector<Health> bands = squeeze(verdicts, chart_columns(frame));
  const std::size_t rows = std::clamp<std::size_t>(frame.size.rows / kRowsPerChartRow, 1, kChartRows);
  lines.emplace_back();
  add_chart(lines, frame, "loss", loss, bands, rows);
  add_chart(lines, frame, "gradient", gradient, bands, rows);
  add_band(lines, frame, view, bands);
}

}  // namespace lastgood::cli

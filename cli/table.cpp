// All rows are held until the end, since a column is as wide as its widest cell. Only columns of names give way where a
// line gets too long: a number that is cut would be another number.
#include "cli/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cli/text.h"

namespace lastgood::cli {

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 4;

/// One cell with its padding; the last one of a line gets none.
std::string aligned(const Cell& cell, const Column& column, std::size_t width, bool last, bool color) {
  const std::string text = fit(cell.text, width);
  const std::string padding(width - display_width(text), ' ');
  const std::string painted = paint(text, cell.tone, color);
  if (column.align == Column::Align::right) return padding + painted;
  return last ? painted : painted + padding;
}

}  // namespace

Cell::Cell(const std::string& content, Tone content_tone) : text(escape(content)), tone(content_tone) {}

void Table::add(std::vector<Cell> row) {
  rows_.push_back(std::move(row));
}

/// In columns of the terminal, not in bytes.
std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(display_width(columns_[i].title));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  std::size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (columns_.size() - 1));
  // One column at a time, always the widest: names of one length are cut to one length.
  while (total > width) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].shrinks && widths[i] > kNarrowest && (!widest || widths[i] >= *widest)) widest = &widths[i];
    }
    if (widest == nullptr) break;
    --*widest;
    --total;
  }
  return widths;
}

// Widths are of what is shown, in columns of the terminal and not in bytes: names may be in any script.
std::vector<std::string> Table::lines(std::size_t width, bool color) const {
  const std::vector<std::size_t> columns_wide = widths(width);
  std::vector<std::string> lines;
  const auto add_row = [&](const std::vector<Cell>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i != 0) line += std::string(kGap, ' ');
      line += aligned(row[i], columns_[i], columns_wide[i], i + 1 == row.size(), color);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  };
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title, Tone::faint);
  add_row(titles);
  for (const auto& row : rows_) add_row(row);
  return lines;
}

void Table::print(Output& out, bool color) const {
  for (const std::string& line : lines(kWidth, color)) out.line(line);
}

}  // namespace lastgood::cli

// Aligned columns of text, within a fixed width. The width of the terminal is not asked, so that output does not depend
// on where it is read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/output.h"

namespace lastgood::cli {

struct Column {
  std::string title = {};
  enum class Align { left, right } align = Align::left;
  bool shrinks = false;  // gives way, with an ellipsis, where a line would be too long
};

/// A piece of text that was escaped: whatever comes from the store goes through here.
struct Cell {
  // NOLINTNEXTLINE(google-explicit-constructor): a row is a list of texts, some of which have a tone
  Cell(const std::string& content, Tone content_tone = Tone::plain);
  std::string text;  // escaped
  Tone tone;
};

class Table {
 public:
  /// Lines are at most this wide, as long as columns that shrink can give way.
  static constexpr std::size_t kWidth = 100;

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// REQUIRES: as many cells as columns. Escapes their text.
  void add(std::vector<Cell> row);
  void print(Output& out, bool color) const;
  /// The titles, then the rows, within `width` as far as columns that shrink can give way.
  std::vector<std::string> lines(std::size_t width, bool color) const;

 private:
  std::vector<std::size_t> widths(std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace lastgood::cli

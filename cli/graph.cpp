// Each column ("lane") follows one line of descent downwards and waits for the checkpoint that it leads to. A
// checkpoint takes the leftmost lane that waits for it, the others join there, and the lane goes on to its parent.
// Nothing is kept of what was drawn: memory is that of the branches that are open at once.
#include "cli/graph.h"

#include <algorithm>

namespace lastgood::cli {

/// The line on which column `from` ends, in column `target` or (equal) in nothing, and those right of it move left:
/// "|/", "| |_|/", "|/ /".
std::string Graph::slanted(std::size_t target, std::size_t from) const {
  std::string line(2 * lanes_.size(), ' ');
  const bool joins = target != from;
  for (std::size_t i = 0; i < from; ++i) line[2 * i] = '|';
  if (joins) line[2 * from - 1] = '/';
  for (std::size_t i = 2 * target + 1; joins && i + 2 < 2 * from; i += 2) line[i] = '_';
  for (std::size_t i = from + 1; i < lanes_.size(); ++i) line[2 * i - 1] = '/';
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

Graph::Row Graph::add(CheckpointId id, std::optional<CheckpointId> parent) {
  Row row;
  const auto column = static_cast<std::size_t>(std::find(lanes_.begin(), lanes_.end(), id) - lanes_.begin());
  // Nothing waits for it: the newest of a branch, which gets a lane of its own on the right.
  if (column == lanes_.size()) lanes_.push_back(id);
  for (std::size_t other = column + 1; other < lanes_.size();) {
    if (lanes_[other] != id) {
      ++other;
      continue;
    }
    row.joins.push_back(slanted(column, other));
    lanes_.erase(lanes_.begin() + static_cast<std::ptrdiff_t>(other));
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) row.prefix += i == column ? "* " : "| ";
  if (parent) {
    lanes_[column] = *parent;
  } else {
    if (column + 1 < lanes_.size()) row.shift = slanted(column, column);
    lanes_.erase(lanes_.begin() + static_cast<std::ptrdiff_t>(column));
  }
  return row;
}

}  // namespace lastgood::cli

// The branches of a run's history as a drawing, in the manner of `git log --graph`. Text alone, two columns a lane; no
// colours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lastgood/ids.h>

namespace lastgood::cli {

/// Takes a run's checkpoints newest first (children before their parents) and draws one after the other.
class Graph {
 public:
  struct Row {
    std::vector<std::string> joins;  // lines above: branches that meet in this checkpoint
    std::string prefix;              // in front of the checkpoint: "| * "
    std::string shift;               // a line below, where a first checkpoint frees its column; or empty
  };

  Row add(CheckpointId id, std::optional<CheckpointId> parent);

 private:
  std::string slanted(std::size_t target, std::size_t from) const;

  std::vector<CheckpointId> lanes_;  // for each column, the checkpoint that its line leads down to
};

}  // namespace lastgood::cli

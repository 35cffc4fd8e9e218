// How rows of v_checkpoints become CheckpointInfo. The library answers by the public views, so that they say the same
// as it does.
#pragma once

#include <lastgood/checkpoint.h>

namespace lastgood::catalog {

class Connection;
class Statement;

/// What read_checkpoint() expects first in a row, of v_checkpoints.
#define LASTGOOD_CHECKPOINT_COLUMNS                                                                          \
  "id, run, session, parent, step, epoch, kind, stability, is_head, pinned, intact, created_at_ms, digest, " \
  "entries, bytes_logical, bytes_new, metadata"

/// Also asks for metrics and tags. Throws Error(corruption) for values that no checkpoint can have.
CheckpointInfo read_checkpoint(Connection& db, const Statement& row);

}  // namespace lastgood::catalog

// Small durable changes to the catalog: heads, tags, pins, verdicts. Each is one transaction, durable on return.
// Safe from any thread. Errors besides those named: not_found (the checkpoint, the tag), permission (read-only handle),
// busy (another process holds the catalog).
#pragma once

#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/store.h>

namespace lastgood {

/// Moves the head of the checkpoint's run there, from outside of a session. Deletes nothing: the next save grows a new
/// branch. Error: busy while a trainer holds the run (it moves its head itself).
void rollback(const Store& store, CheckpointId checkpoint);

/// Names a checkpoint, and keeps it from being collected. A tag has 1 to 128 characters of [A-Za-z0-9._-], in parts
/// divided by single slashes, each of which begins with a letter, a digit or _; it is neither a number nor, in any
/// case, one of the reserved names (`head`, `latest`, `last-stable`, `step:...`).
/// Errors: already_exists (unless `move`), invalid_argument.
void tag(const Store& store, const std::string& name, CheckpointId checkpoint, bool move = false);
void untag(const Store& store, const std::string& name);

/// A pinned checkpoint is never collected.
void pin(const Store& store, CheckpointId checkpoint);
void unpin(const Store& store, CheckpointId checkpoint);

/// Records a verdict that came after the save.
void set_stability(const Store& store, CheckpointId checkpoint, Stability stability);

}  // namespace lastgood

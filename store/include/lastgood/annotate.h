// Small durable changes to the catalog: heads, tags, pins, verdicts. Each is one transaction, durable on return, and
// harmless when it is repeated. Safe from any thread, beside trainers and collections. Errors besides those named:
// not_found (the checkpoint, the tag), permission (read-only handle), busy (another process holds the catalog),
// no_space, io; after the last two, the change may have been made or not.
#pragma once

#include <optional>
#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/store.h>

namespace lastgood {

/// Moves the head of the checkpoint's run there, from outside of a session. Deletes nothing: the next save grows a new
/// branch. Error: busy while a trainer holds the run (it moves its head itself).
void rollback(const Store& store, CheckpointId checkpoint);

struct TagOptions {
  bool move = false;     // lets a tag name another checkpoint than before
  bool dry_run = false;  // only checks and tells, also through a read-only handle
};

/// Names a checkpoint, and keeps it from being collected. A tag has 1 to 128 characters of [A-Za-z0-9._-], in parts
/// divided by single slashes, each of which begins with a letter, a digit or _; it is neither a number nor, in any
/// case, one of the reserved names (`head`, `latest`, `last-stable`, `step:...`).
/// Returns what it named before. Errors: already_exists (unless `move`), invalid_argument.
std::optional<CheckpointId> tag(const Store& store, const std::string& name, CheckpointId checkpoint,
                                const TagOptions& options = {});
/// The checkpoint, which is returned, stays until it is forgotten. Takes a name of any form. With `dry_run` only tells.
CheckpointId untag(const Store& store, const std::string& name, bool dry_run = false);

/// A pinned checkpoint is never collected. A pin has no name and counts once; tags are for what has one.
void pin(const Store& store, CheckpointId checkpoint);
void unpin(const Store& store, CheckpointId checkpoint);

/// Records a verdict that came after the save. Takes the place of the one before. It is in the catalog alone: a rebuild
/// goes back to what was known at the save.
void set_stability(const Store& store, CheckpointId checkpoint, Stability stability);

}  // namespace lastgood

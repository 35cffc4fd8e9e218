// How a checkpoint is shown by more than one command. Texts that come from the store are not escaped here: whoever
// prints them does.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/store.h>

#include "cli/context.h"

namespace lastgood::cli {

/// "12 (step 300)"; the form in which messages name a checkpoint.
std::string brief(const CheckpointInfo& checkpoint);

/// "4, 5, 6 and 20 more"
std::string joined_ids(std::span<const CheckpointId> ids);

/// The metric that training is judged by, as text, or "-".
std::string shown_loss(const CheckpointInfo& checkpoint);

/// Green for stable, yellow for unstable.
Tone tone_of(Stability stability);

/// What a user calls out about a checkpoint: "DAMAGED", "pinned", then its tags.
std::vector<std::string> remarks(const CheckpointInfo& checkpoint);

/// The ids that `names` mean, all of them resolved before anything is done to one. Errors: those of
/// resolve_checkpoint.
std::vector<CheckpointId> resolve_all(const Store& store, std::span<const std::string> names,
                                      const std::optional<std::string>& run);

/// The checkpoint, its parent, and so on.
std::vector<CheckpointId> lineage_of(const Store& store, const CheckpointInfo& checkpoint);

}  // namespace lastgood::cli

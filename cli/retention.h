// The options of forget and gc that say what to keep. Both commands take the same, so that one can be tried for the
// other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/gc.h>

#include "cli/command.h"

namespace lastgood::cli {

/// As given on the command line.
struct RetentionOptions {
  std::optional<std::uint64_t> keep_last, keep_stable, keep_every, keep_best;
  std::optional<std::string> keep_within, metric;
  bool max = false;

  /// Errors: UsageError for options that make no sense together, and for none at all where only --max or --metric is
  /// given.
  bool any() const;
  RetentionPolicy policy(const std::optional<std::string>& run) const;
};

/// The options, bound to `options`.
std::vector<Argument> retention_arguments(RetentionOptions& options);

/// The ids of what the policy lets go.
std::vector<CheckpointId> expired_ids(const Store& store, const RetentionPolicy& policy);

/// What a policy never lets go, for the help.
inline constexpr const char* kNeverForgotten =
    "Rules count within each run by itself; a checkpoint that any --keep rule keeps is kept.\n"
    "Never let go by a policy: the head of a run, its newest stable checkpoint, what is tagged or pinned,\n"
    "and what a running session resumed from. What is found damaged takes no place of an intact checkpoint.";

}  // namespace lastgood::cli

// What a recovery's row says beside its columns, as JSON and back. Keys are only ever added. A resume rests on `rung`,
// `newest_checkpoint` and `changes`; the others are for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/monitor_step.h>
#include <lastgood/telemetry.h>

#include "recovery/adjustments.h"

namespace lastgood::recovery {

struct Detail {
  std::uint64_t rung = 0;                         // of the failure's ladder, from 0
  std::optional<CheckpointId> newest_checkpoint;  // of the run, when it happened: later ones have the changes
  std::vector<std::string> done;                  // actions, in order
  std::vector<std::pair<std::string, std::string>> passed_over;  // actions and checkpoints, and why
  std::vector<Change> changes;
  std::vector<std::string> errors;   // the monitor's, of the step that failed
  std::vector<std::string> tensors;  // that were not finite
};

/// What the monitor saw in the step.
Detail seen_in(const StepMetrics& metrics);

/// Long texts and lists of tensors and errors are cut: a row takes 64 KiB in all.
std::string write_detail(const Detail& detail);
/// What is missing or of another type is left at its default: a row may come from elsewhere.
Detail read_detail(const Recovery& recovery);

}  // namespace lastgood::recovery

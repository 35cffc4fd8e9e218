// What recoveries did in a run, and the diagnosis of one that was given up. Plain values that own what they hold: safe
// to copy from any thread, and valid without the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/store.h>
#include <lastgood/telemetry.h>

namespace lastgood {

/// The reference's eleven keys. Counts are of the whole run, earlier sessions included. A recovery counts for every
/// action that was done in it, whether or not it succeeded in the end; resets and halts count for nothing.
struct RecoveryReport {
  std::uint64_t total_recoveries = 0;
  std::uint64_t rollback_count = 0;
  std::uint64_t lr_reduction_count = 0;
  std::uint64_t epsilon_increase_count = 0;
  std::uint64_t batch_size_reduction_count = 0;
  std::uint64_t precision_upgrade_count = 0;
  std::uint64_t consecutive_failures = 0;  // attempts since the last one that succeeded
  /// The step that failed, not the one that was gone back to.
  std::optional<Step> last_recovery_step;
  std::string last_recovery_action;  // empty before the first
  /// Oldest first. All that are counted, as the catalog has them.
  std::vector<Recovery> recovery_history;
  /// Of the run, now in the store, on all branches.
  std::uint64_t checkpoint_count = 0;

  /// A JSON object with these keys; history as {step, epoch, failure_type, action, success, outcome, timestamp}.
  std::string to_json() const;
};

/// Why training was halted, and what is left to do by hand.
struct HaltReport {
  std::string run;
  Step step = 0;
  std::int64_t epoch = 0;
  /// The one that could not be undone, by its name.
  std::string failure;
  std::vector<std::string> errors;   // the monitor's, of the last step that it judged
  std::vector<std::string> tensors;  // that were not finite, the first one first
  std::vector<Recovery> tried;       // since the last success, oldest first
  /// The newest stable and intact checkpoint in the lineage of the head, by what was known when this was made.
  std::optional<CheckpointId> last_good;
  std::optional<Step> last_good_step;
  /// A command line that goes back to it, with the store's directory as the trainer named it; empty where there is
  /// none.
  std::string command;

  /// An object with the fields above by name; what there is none of is null.
  std::string to_json() const;
  /// A page for people.
  std::string to_text() const;
};

/// The newest halt of the run, as the catalog has it, also after the process that halted has gone. Nothing in a run
/// that was never halted. Any thread. Errors: those of list_recoveries().
std::optional<HaltReport> last_halt(const Store& store, const std::string& run);

}  // namespace lastgood

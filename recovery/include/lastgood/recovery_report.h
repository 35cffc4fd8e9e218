// What recoveries did in a run, and the diagnosis of one that was given up. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/telemetry.h>

namespace lastgood {

/// The reference's eleven keys. Counts are of the whole run, earlier sessions included.
struct RecoveryReport {
  std::uint64_t total_recoveries = 0;
  std::uint64_t rollback_count = 0;
  std::uint64_t lr_reduction_count = 0;
  std::uint64_t epsilon_increase_count = 0;
  std::uint64_t batch_size_reduction_count = 0;
  std::uint64_t precision_upgrade_count = 0;
  std::uint64_t consecutive_failures = 0;  // attempts since the last one that succeeded
  std::optional<Step> last_recovery_step;
  std::string last_recovery_action;        // empty before the first
  std::vector<Recovery> recovery_history;  // oldest first
  std::uint64_t checkpoint_count = 0;

  /// A JSON object with these keys; history as {step, epoch, failure_type, action, success, outcome, timestamp}.
  std::string to_json() const;
};

/// Why training was halted, and what is left to do by hand.
struct HaltReport {
  std::string run;
  Step step = 0;
  std::int64_t epoch = 0;
  std::string failure;
  std::vector<std::string> errors;   // the monitor's, of the last step that it judged
  std::vector<std::string> tensors;  // that were not finite, the first one first
  std::vector<Recovery> tried;       // since the last success, oldest first
  std::optional<CheckpointId> last_good;
  std::optional<Step> last_good_step;
  std::string command;  // goes back to it; empty where there is none

  std::string to_json() const;
  /// A page for people.
  std::string to_text() const;
};

}  // namespace lastgood

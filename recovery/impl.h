// The inside of an AutoRecovery: what it knows of the run's recoveries. For the thread that trains. `history` is what
// the catalog has: read once, and kept in step by note() and settle(), which write first.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/recovery.h>

namespace lastgood {

struct AutoRecovery::Impl {
  Store& store;
  Session& session;
  RecoveryTarget target;
  RecoveryOptions options;
  HealthMonitor* monitor = nullptr;
  std::vector<Recovery> history;  // of the run, oldest first
  StepMetrics latest;             // that detect_failure() was told
  Step healthy_steps = 0;
  bool scanned = false;  // a step of the probation was
  std::optional<HaltReport> halted;
  std::uint64_t whole_version = 0;  // the target's state_version() when the state was last known to be whole

  Impl(Store& in, Session& by, RecoveryTarget on, RecoveryOptions with);

  // Where not said otherwise, these read `history` and touch neither trainer nor catalog.

  /// Of the budget: the attempts since the latest success, but for those that moved the batch size against a lack of
  /// memory. How often that must be done depends on the batch alone, and ends at its floor.
  std::size_t spent() const;
  const Ladder& ladder(const std::string& failure) const;
  /// Throws Error(not_found) for a failure without a ladder.
  std::size_t rung_for(const std::string& failure) const;
  /// Writes a row, durably, and begins the count of healthy steps anew.
  void note(const Recovery& recovery);
  /// Ends the attempt that is on probation, if there is one.
  void settle(RecoveryOutcome outcome);
  void count_healthy(const StepMetrics& metrics);
  /// What was tried so far counts no more: for the budget, and for the ladders.
  void begin_anew();
  /// Notes that the run is given up, with a diagnosis.
  void halt(const std::string& failure, const std::string& action, Step step, std::int64_t epoch);
  void keep_last() noexcept;
  /// The state is that of a step, or of a checkpoint.
  void note_whole();
  /// It was changed since, if the target can tell.
  bool is_torn() const;
};

namespace recovery {

/// Throws Error(invalid_argument) for what makes no sense.
void check_options(const RecoveryTarget& target, const RecoveryOptions& options);

/// Takes rungs until one is done, and notes the attempt. The protocol stands on top of attempt.cpp.
RecoveryResult attempt(AutoRecovery::Impl& impl, const std::string& failure, Step step, std::int64_t epoch);

}  // namespace recovery

}  // namespace lastgood

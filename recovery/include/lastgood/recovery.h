// Recovery: undoes a failure, or halts with a diagnosis.
//
//   lastgood::AutoRecovery recovery(store, session, target);
//   recovery.resume();
//   ...
//   if (auto failure = recovery.detect_failure(metrics)) {
//     auto result = recovery.recover(*failure, step, epoch);
//     if (!result.success) return lastgood::kHaltedExitStatus;
//     step = result.step;      // goes on from there
//     continue;
//   }
//
// A failure climbs a ladder. Each rung is a list of actions, usually a rollback and then an adjustment, so that the
// rollback cannot undo it. An attempt has succeeded only after a probation of healthy steps; a relapse before its end
// takes the next rung; after `max_retries` attempts without a success, the run is halted. Rungs, attempts and
// adjustments are in the catalog: a restart goes on where they stood, and a resume makes the adjustments again that the
// checkpoint does not have yet.
//
// Not thread-safe: for the thread that trains.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/monitor.h>
#include <lastgood/recovery_report.h>
#include <lastgood/recovery_target.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

namespace lastgood {

/// The process's exit status after a halt, for whoever would start it again: EX_SOFTWARE of sysexits.h. So it is told
/// from a crash, after which a restart makes sense.
inline constexpr int kHaltedExitStatus = 70;

/// Actions by their names: rollback_checkpoint, reduce_lr_10x, increase_epsilon, reduce_batch_size, upgrade_precision,
/// clip_spectrum, skip_batches, clear_cuda_cache, save_checkpoint, and those of RecoveryOptions::actions.
using Rung = std::vector<std::string>;
/// The last rung is taken again where there is no further one. An empty one, and one with an empty rung, is
/// invalid_argument.
using Ladder = std::vector<Rung>;

/// The failure's own ladder: nan_detected, inf_detected, gradient_explosion, loss_divergence, condition_number_high,
/// oom. Error: not_found for another name.
const Ladder& default_ladder(const std::string& failure);

/// What makes no sense is invalid_argument when the AutoRecovery is made: factors that do not lower, or raise, what
/// they are for; no retries; no probation; unknown actions; a failure without a ladder.
struct RecoveryOptions {
  /// Attempts since the latest success, of whatever failure, before the run is halted; smaller batches against a lack
  /// of memory are not counted, as they end at the floor. A run that is started again after that has them back once it
  /// has come through a probation beyond the step where it was halted, or by reset().
  std::uint64_t max_retries = 3;
  /// False: rollbacks alone; nothing is adjusted.
  bool enable_auto_adjustment = true;
  double min_lr = 1e-7;      // a rate that is at or below it is left as it is
  double max_epsilon = 1.0;  // likewise, at or above
  double min_batch_size = 1;
  double lr_factor = 0.1;
  double epsilon_factor = 1.5;
  double batch_factor = 0.5;
  /// Healthy steps beyond the failed one until a recovery has succeeded: the loss window, over which a divergence
  /// shows.
  Step probation_steps = 100;
  /// save_checkpoint() forgets older ones of the run beyond these (never what is protected, see gc.h); 0: keeps all.
  std::uint64_t keep_last = 5;
  /// Instead of default_ladder().
  std::map<std::string, Ladder> ladders = {};
  /// More actions; false when there is nothing more to gain from it.
  std::map<std::string, std::function<bool()>> actions = {};
  /// More failures, asked in this order after the built-in ones. Each needs a ladder of its name.
  std::vector<std::pair<std::string, std::function<bool(const StepMetrics&)>>> failures = {};
};

/// `success` says that a rung was done, not that it helped: the probation decides that. Without it the run is halted,
/// as the catalog has it, too: training should end.
struct RecoveryResult {
  bool success = false;
  std::string action;  // the rung's last one that was done; max_retries_exceeded, no_stable_checkpoint
  /// Goes on from there: the checkpoint's step after a rollback, else the step that failed.
  Step step = 0;
  std::int64_t epoch = 0;
  std::optional<CheckpointId> restored;
};

/// Holds no lock and no thread. Movable; one that was moved from may only be destroyed.
class AutoRecovery {
 public:
  /// `session` must outlive it, as must what `target` refers to. Errors: invalid_argument for options that make no
  /// sense, a target without restore, an unknown action; those of list_recoveries().
  AutoRecovery(Store& store, Session& session, RecoveryTarget target, RecoveryOptions options = {});
  AutoRecovery(AutoRecovery&&) noexcept;
  ~AutoRecovery();

  /// Its windows follow every rollback, and its verdicts are in the diagnosis. nullptr: none. Must outlive this object,
  /// or be taken away first.
  void watch(HealthMonitor* monitor) noexcept;

  /// Session::resume() with the target's restore, and the adjustments that the checkpoint does not have yet. Nothing in
  /// a run without checkpoints. Errors: those of Session::resume(), and what the knobs throw.
  std::optional<CheckpointInfo> resume(const SkippedFn& skipped = {});

  /// The same around a restore by other means, such as TimeoutHandler::auto_resume(). Before it: the precision is
  /// upgraded as often as recoveries did, for checkpoints from after that hold the wider type. After it: the
  /// adjustments that the checkpoint does not have yet are made, and the monitor's windows are those that led to it.
  void prepare_restore();
  void note_restored(CheckpointId checkpoint);

  /// The most urgent failure of the step: nan_detected, inf_detected, gradient_explosion, loss_divergence,
  /// condition_number_high, then the user's. A step without any counts for the probation. Call it for every step: the
  /// diagnosis takes the monitor's messages from here, and the state counts as whole (see RecoveryTarget). Writes when
  /// a probation ends; errors are then those of Session::record().
  std::optional<std::string> detect_failure(const StepMetrics& metrics);

  /// Undoes the failure as far as it can; `oom` comes from the caller. Everything or nothing is restored. Durable on
  /// return. Errors: those of restore and of the catalog; the state is then as it was, or that of the checkpoint.
  RecoveryResult recover(const std::string& failure, Step step, std::int64_t epoch);

  /// Saves the state; `is_stable` is the verdict on that very state. Does not throw as long as the target's save does
  /// not. Without one, invalid_argument is the outcome's error. Older checkpoints beyond keep_last are forgotten and
  /// collected then, on this thread; what fails there is an event of the run.
  SaveOutcome save_checkpoint(Step step, std::int64_t epoch, std::map<std::string, double> metrics, bool is_stable);

  /// The rest of it for a checkpoint that was saved by other means, asynchronously: the monitor knows of it, and older
  /// ones are let go. Does not throw.
  void note_saved(CheckpointId checkpoint, Step step, Stability stability) noexcept;

  /// Every byte against its hash. Damage is marked. Errors: not_found, io.
  bool verify_checkpoint(CheckpointId checkpoint);

  RecoveryReport get_recovery_report() const;
  /// Once recover() has had no success: the attempts are spent, or nothing was left to try. In this process; nothing
  /// before, and after reset(). From another one: last_halt().
  std::optional<HaltReport> halt_report() const;

  /// Attempts and rungs begin anew. Adjustments stay. Durable on return. Errors: those of Session::record().
  void reset();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lastgood

// The inside of a TrainingRun. What the parts must know of each other:
//   a checkpoint was saved, by whomever   the monitor (the newest stable one), the recovery (older ones go), the time
//                                         limit (that state need not be saved again)
//   the state was restored, by whomever   the monitor (windows of that branch), the recovery (adjustments that the
//                                         checkpoint does not have yet), the time limit, the counts
// At most one asynchronous save is under way, and whatever else reads or moves the head waits for it first.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <lastgood/torch/training_run.h>

#include "loop/torch/adjusted.h"
#include "loop/torch/counts.h"
#include "loop/torch/watched.h"

namespace lastgood {

struct TrainingRun::Impl {
  /// A save under way, and what it was of.
  struct Pending {
    SaveHandle handle;
    Step step;
    Stability stability;
    BootTime taken;
  };

  // In the order in which they need each other, so that they end in the opposite one: the time limit before the session
  // that it records into, the session before the store.
  TrainingRunOptions options;  // those of knobs and timeout are handed on
  const Machine& machine;
  Store store;
  Session session;
  TrainingState state;
  std::shared_ptr<loop::Counts> counts;
  loop::Watched watched;
  StabilityMonitor monitor;
  RecoveryTarget target;  // of which the time limit takes restore and save, too
  AutoRecovery recovery;
  TimeoutHandler timeout;

  std::optional<ResumeInfo> resumed;
  std::optional<Pending> pending;
  std::optional<Step> saved;  // the newest step that is durable, of the branch that is trained on
  bool save_is_due = false;
  Step total = 0;
  bool stopped = false, halted = false;
  bool went_back = false;  // since the latest step
  BootTime flushed{};
  StepMetrics latest;
  std::map<std::string, double> metrics;  // of the latest step

  Impl(const std::filesystem::path& directory, TrainingState on, TrainingRunOptions with);

  void resume();
  /// `restored`: as the checkpoint's restore left them.
  void tell_of_adjustments(const loop::KnobValues& restored) const;
  std::int64_t epoch();
  bool is_over() const noexcept { return halted || stopped || counts->step >= total; }
  void tell(const std::string& message) const;

  /// Judges the state as it is now. Where a scan finds a failure that the step did not show: nothing, and the state was
  /// recovered, not to be saved.
  std::optional<Stability> verdict();
  SaveRequest request(CheckpointKind kind, Stability stability);
  /// Begins a save, unless one is under way still: then it stays due.
  void save();
  /// Saves and waits.
  void save_now();
  void save_emergency();
  /// Learns of a save that has ended; `wait`: of the one under way.
  void take_in(bool wait);
  void note_saved(const SaveOutcome& outcome, Step step, Stability stability, BootTime taken);

  void recover(const std::string& failure);
  void watch_the_time();
  void flush_seldom() noexcept;
};

}  // namespace lastgood

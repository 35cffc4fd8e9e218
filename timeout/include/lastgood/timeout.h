// A session's time: when it ends, saving before that, going on in the next one.
//
//   lastgood::TimeoutHandler timeout(store, session, target);
//   auto from = timeout.auto_resume();
//   lastgood::Step step = from ? from->step : 0;
//   ...
//   const auto time = timeout.check_timeout(step);
//   if (time.should_save) timeout.save_emergency_checkpoint(step, epoch, {{"loss", loss}});
//   if (time.should_stop) break;
//
// The end is the earliest that any source knows of (timeout_sources.h): by default what SLURM, LSF, PBS, Colab or
// Kaggle say, and SIGTERM, SIGINT, SIGUSR1 and SIGUSR2, which are caught. A save is due when warning_threshold_minutes
// are left, or the time that is kept for a save where that is longer, then again and again until the end, so that an
// end that comes early takes little; training need not stop before should_stop.
//
// Not thread-safe: for the thread that trains. A check costs less than 100 ns when nothing is due, so it may stand in
// an evaluation's loop, too.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/timeout_resume.h>
#include <lastgood/timeout_sources.h>
#include <lastgood/timeout_status.h>
#include <lastgood/timeout_target.h>

namespace lastgood {

struct TimeoutOptions {
  /// How long a session lasts: on Colab since the machine's start (unset: 12), elsewhere since the process's (unset:
  /// what other sources say).
  std::optional<double> session_duration_hours = {};
  /// The first emergency save is due when so much is left. 0: not before the reserve that is computed for a save.
  double warning_threshold_minutes = 30;
  /// How often sources are asked that may change their mind, and what saves and steps take is reckoned anew.
  double check_interval_seconds = 60;
  /// False: auto_resume() restores nothing, and says so in the store.
  bool enable_auto_resume = true;
  /// What the process is given after SIGTERM or SIGINT: 30 is what Kubernetes and SLURM give by default.
  double signal_grace_seconds = 30;
  /// What ending takes, after the last save: writing telemetry, freeing devices.
  double drain_seconds = 5;
  /// Caught while the handler lives: of SIGTERM, SIGINT, SIGUSR1, SIGUSR2.
  std::vector<int> signals = default_signals();
  /// Besides those of the platform.
  DeadlineSources sources = {};
  ResumeOptions resume = {};
  /// Told once that an end draws near, and of sources that cannot tell. Called from other threads, too.
  std::function<void(const std::string&)> on_warning = {};
  const Machine* machine = &this_machine();

  static std::vector<int> default_signals();
};

class TimeoutHandler {
 public:
  /// All must outlive it, as must what `target` refers to. Errors: invalid_argument for options that make no sense.
  TimeoutHandler(Store& store, Session& session, TimeoutTarget target, TimeoutOptions options = {});
  TimeoutHandler(TimeoutHandler&&) noexcept;
  ~TimeoutHandler();

  /// Since the session's start: of the machine on Colab, of the container on Kaggle, of the process elsewhere.
  std::chrono::nanoseconds get_elapsed_time() const;
  /// Never negative; max() where no end is known.
  std::chrono::nanoseconds get_remaining_time() const;
  /// The end and its source, where one is known.
  std::optional<Deadline> get_deadline() const;
  bool should_save_emergency_checkpoint() const;

  /// `step`: how far the training has come. It tells steps from an evaluation's checks, and is recorded with the end.
  TimeoutCheck check_timeout(std::optional<Step> step = {}) noexcept;

  /// A checkpoint that somebody else has saved: that state need not be saved again. `taken`: when it was the current
  /// one, by the machine's clock, where that is not now (an asynchronous save).
  void note_checkpoint(CheckpointId checkpoint, Step step, std::optional<BootTime> taken = {});

  /// Saves the current state. Where the time may not do for all of it, the model first, as a checkpoint that is marked
  /// as reduced: the head until the whole one follows, but passed over by auto_resume(); then everything, for which
  /// most is written then. A state whose loss is not finite is marked as unstable. `additional_state` is a JSON object.
  /// Never throws.
  EmergencySave save_emergency_checkpoint(Step step, std::int64_t epoch, std::map<std::string, double> metrics = {},
                                          Stability stability = Stability::unknown,
                                          const std::string& additional_state = "{}") noexcept;

  /// The head of a run that was not completed.
  std::optional<CheckpointInfo> detect_incomplete_training() const;

  /// Restores this checkpoint, of the session's run, verifies it, and makes it the head. Errors: those of restore and
  /// verify; invalid_argument where it comes from another place.
  ResumeInfo resume_from_checkpoint(CheckpointId id);

  /// Goes on from the run's head, or the newest ancestor that is whole, intact and not unstable. Nothing in a run
  /// without checkpoints. Throws where there is something to resume and it cannot: never silently from zero.
  std::optional<ResumeInfo> auto_resume();

  /// Ends the session as completed: the run has nothing left to resume.
  void clear_session_state();

  TimeoutStatus get_status() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// The reference's defaults: twelve hours, on Colab and elsewhere.
class ColabTimeoutHandler : public TimeoutHandler {
 public:
  ColabTimeoutHandler(Store& store, Session& session, TimeoutTarget target, TimeoutOptions options = default_options());
  static TimeoutOptions default_options();
};

}  // namespace lastgood

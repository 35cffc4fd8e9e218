// A whole training run in six lines: it resumes, watches every step, saves, recovers, stops in time, and finishes.
//
//   lastgood::TrainingRun run("lastgood-store", model, optimizer);
//   while (run.goes_on(1000)) {
//     try {
//       ...   // one step, as ever: forward, backward, optimizer.step()
//       run.after_step(loss);
//     } catch (const std::exception& error) {
//       run.recover_from(error);
//     }
//   }
//   return run.finish();
//
// It owns store, session, monitor, recovery and time limit, and tells each what another one did. The process may be
// killed at any moment and started again: it goes on bit for bit, as far as the state holds all that the training
// depends on. A loop over a data loader, whose place is in the state, begins anew after a recovery:
//
//   for (auto& batch : *loader) {
//     ...
//     position->consumed();
//     if (!run.after_step(loss)) break;
//   }
// For the thread that trains.
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <lastgood/torch.h>
#include <lastgood/torch/recovery.h>
#include <lastgood/torch/stability_monitor.h>
#include <lastgood/torch/timeout.h>

namespace lastgood {

/// finish() of a run whose session ended before its training did: EX_TEMPFAIL of sysexits.h. Run the program again.
inline constexpr int kStoppedExitStatus = 75;

/// "lastgood: MESSAGE" on standard error, as one line where the message is. Any thread.
void print_message(const std::string& message);

/// Nothing needs to be set. Checkpoints beyond the newest five, and the newest five that are stable, are forgotten:
/// RecoveryOptions::keep_last, 0 keeps all; what is pinned or tagged stays. Moved, not copied: hand over with
/// std::move.
struct TrainingRunOptions {
  std::string run = "training";
  /// Steps between checkpoints; the reference's 50 to 100. One that is due while another is still being written waits
  /// for it. At least 1.
  Step save_every = 100;
  SessionOptions session = {};
  MonitorOptions monitor = {};
  RecoveryOptions recovery = {};
  TrainerKnobs knobs = {};
  TimeoutOptions timeout = {};
  /// Told in a line what people may want to know: a beginning at step 0, a resume and the adjustments that it makes
  /// again, a recovery, a save that failed, an end that draws near. Also called from other threads.
  std::function<void(const std::string&)> on_message = print_message;
};

class TrainingRun {
 public:
  /// Opens or makes the store, and goes on from the run's last good checkpoint: the state, and what recoveries had
  /// adjusted. A new run saves its first state, so that there is always one to go back to. Takes the state over, and
  /// adds its counts as `training_run`; what it refers to must outlive the run. Errors: those of
  /// Store::open_or_create(), start_session() and TimeoutHandler::auto_resume() (where there is something to resume and
  /// it cannot); invalid_argument for options that make no sense.
  TrainingRun(const std::filesystem::path& directory, TrainingState state, TrainingRunOptions options = {});

  /// With a state of those two, as `model` and `optimizer`.
  template <ModulePointer Module>
  TrainingRun(const std::filesystem::path& directory, const Module& model, torch::optim::Optimizer& optimizer,
              TrainingRunOptions options = {})
      : TrainingRun(directory,
                    state_of(const_cast<torch::nn::Module&>(static_cast<const torch::nn::Module&>(*model)), optimizer),
                    std::move(options)) {}

  /// Ends the session as interrupted, unless finish() has completed it. Waits for saves under way.
  ~TrainingRun();

  /// Done so far: 0 in a new run. As checkpoints and the monitor count.
  Step step() const noexcept;
  /// Of the state's first data position; 0 without one.
  std::int64_t epoch() const;
  /// Nothing in a new run.
  const std::optional<ResumeInfo>& resumed() const noexcept;

  /// Whether there is a step to be done of `total`: false once they are done, the time is over, or the run was halted.
  bool goes_on(Step total);

  /// After the optimizer's step: judges it, recovers from a failure, saves what is due. False where the next step is
  /// not just the next one: the run ends, or the state went back. A save that fails is told, and the training goes on.
  /// `metrics` go into checkpoints, besides the loss. Errors: those of AutoRecovery::recover() and of the monitor.
  bool after_step(const at::Tensor& loss, std::map<std::string, double> metrics = {});

  /// Within a handler of exceptions: undoes a lack of memory as far as it can (a smaller batch, see TrainerKnobs;
  /// without that knob it tries again, RecoveryOptions::max_retries times), and throws every other exception on. Where
  /// it struck in the middle of the optimizer's step, the state goes back to the last good checkpoint.
  void recover_from(const std::exception& error);

  /// Waits for the save under way, for whoever looks at the store next.
  void wait_saved();

  /// Saves what is not saved yet. 0: the session is completed. kStoppedExitStatus: it was stopped before the last step,
  /// or the last state could not be saved. kHaltedExitStatus: a failure could not be undone. Errors: those of
  /// Session::complete().
  int finish();

  Store& store() noexcept;
  Session& session() noexcept;
  StabilityMonitor& monitor() noexcept;
  AutoRecovery& recovery() noexcept;
  TimeoutHandler& timeout() noexcept;

  struct Impl;

 private:
  static TrainingState state_of(torch::nn::Module& model, torch::optim::Optimizer& optimizer);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lastgood

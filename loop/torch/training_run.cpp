// A step:
//   1. The counts go on, and a save that has ended is noted.
//   2. The step is judged. A failure is recovered from, and nothing else happens: the state is another one.
//   3. The time: an emergency save where one is due; else a regular one, where one is.
//   4. The time once more: after an emergency save, what is trained from there on may be lost.
#include <cstdio>
#include <utility>

#include <lastgood/error.h>

#include "loop/torch/impl.h"
#include "loop/torch/ladders.h"

namespace lastgood {
namespace {

TrainingRunOptions checked(TrainingRunOptions options) {
  if (options.save_every < 1) {
    throw Error(ErrorCode::invalid_argument, "save_every", "TrainingRunOptions::save_every: must be at least 1");
  }
  if (options.timeout.machine == nullptr) {
    throw Error(ErrorCode::invalid_argument, "machine", "TimeoutOptions::machine: must not be null");
  }
  if (!options.timeout.on_warning) options.timeout.on_warning = options.on_message;
  return options;
}

RecoveryOptions recovery_options(const TrainingRunOptions& options, const RecoveryTarget& target) {
  RecoveryOptions made = options.recovery;
  made.ladders = loop::ladders_for(target, std::move(made.ladders));
  return made;
}

TimeoutTarget time_target(Store& store, Session& session, TrainingState& state, const RecoveryTarget& target,
                          const std::shared_ptr<loop::Counts>& counts) {
  TimeoutTarget on = timeout_target(store, session, state, loop::readers(counts));
  on.restore = target.restore;  // also what was saved before an upgrade of the precision
  on.skip_batches = target.skip_batches;
  return on;
}

}  // namespace

void print_message(const std::string& message) {
  // In one piece, as others may print, too.
  std::fputs(("lastgood: " + message + "\n").c_str(), stderr);
}

TrainingRun::Impl::Impl(const std::filesystem::path& directory, TrainingState on, TrainingRunOptions with)
    : options(checked(std::move(with))),
      machine(*options.timeout.machine),
      store(Store::open_or_create(directory, {.on_warning = options.on_message})),
      session(store.start_session(options.run, options.session)),
      state(std::move(on)),
      counts(loop::add_counts(state)),
      watched(state),
      monitor(options.monitor),
      target(recovery_target(store, session, state, std::move(options.knobs))),
      recovery(store, session, target, recovery_options(options, target)),
      timeout(store, session, time_target(store, session, state, target, counts), std::move(options.timeout)) {
  monitor.bind(session);
  recovery.watch(&monitor);
}

void TrainingRun::Impl::tell(const std::string& message) const {
  if (options.on_message) options.on_message(message);
}

std::int64_t TrainingRun::Impl::epoch() {
  return counts->epoch = loop::epoch_of(state);
}

/// In a new run, the beginning is saved: a failure in the first steps has somewhere to go back to.
void TrainingRun::Impl::resume() {
  recovery.prepare_restore();
  resumed = timeout.auto_resume();
  if (!resumed) {
    tell("the store has no checkpoint of run '" + session.run() + "': it begins at step 0");
    return save();
  }
  const loop::KnobValues restored = loop::read_knobs(target);
  recovery.note_restored(resumed->checkpoint);
  saved = resumed->step;
  for (const PassedOver& passed : resumed->passed_over) {
    tell("passed over checkpoint " + std::to_string(passed.checkpoint.value) + " (step " + std::to_string(passed.step) +
         "): " + passed.why);
  }
  tell("resumed from checkpoint " + std::to_string(resumed->checkpoint.value) + ", step " +
       std::to_string(resumed->step));
  tell_of_adjustments(restored);
  if (resumed->crash_loop) tell(resumed->crash_loop->advice);
}

/// What the checkpoint has itself is not among them: nobody has to be told of that again.
void TrainingRun::Impl::tell_of_adjustments(const loop::KnobValues& restored) const {
  std::string made = loop::moves(restored, loop::read_knobs(target));
  const bool is_wider = target.upgrade_precision && recovery.get_recovery_report().precision_upgrade_count > 0;
  if (is_wider) made += std::string(made.empty() ? "" : ", ") + "the precision upgraded";
  if (!made.empty()) tell("made again what recoveries had adjusted: " + made);
}

void TrainingRun::Impl::recover(const std::string& failure) {
  take_in(true);
  const Step failed = counts->step;
  const RecoveryResult result = recovery.recover(failure, failed, epoch());
  went_back = true;
  latest = {};  // it judged another state
  if (!result.success) {
    halted = true;
    return tell(recovery.halt_report()->to_text());
  }
  counts->step = result.step;
  save_is_due = false;
  if (result.restored) {
    timeout.note_checkpoint(*result.restored, result.step);
    saved = result.step;
  }
  tell(failure + " at step " + std::to_string(failed) + ": " + result.action + ", on from step " +
       std::to_string(result.step));
}

void TrainingRun::Impl::watch_the_time() {
  if (timeout.check_timeout(counts->step).should_save) {
    save_emergency();
  } else if (save_is_due) {
    save();
  }
  stopped = timeout.check_timeout(counts->step).should_stop;
}

/// What is recorded of steps shall be there for whoever looks on, and after a crash: it tells what that cost.
void TrainingRun::Impl::flush_seldom() noexcept {
  constexpr std::chrono::seconds kSeldom{1};
  const BootTime now = machine.now();
  if (now - flushed < kSeldom) return;
  flushed = now;
  session.flush();
}

TrainingRun::TrainingRun(const std::filesystem::path& directory, TrainingState state, TrainingRunOptions options)
    : impl_(std::make_unique<Impl>(directory, std::move(state), std::move(options))) {
  impl_->resume();
}

TrainingRun::~TrainingRun() = default;

TrainingState TrainingRun::state_of(torch::nn::Module& model, torch::optim::Optimizer& optimizer) {
  TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("optimizer", optimizer);
  return state;
}

Step TrainingRun::step() const noexcept {
  return impl_->counts->step;
}

std::int64_t TrainingRun::epoch() const {
  return impl_->epoch();
}

const std::optional<ResumeInfo>& TrainingRun::resumed() const noexcept {
  return impl_->resumed;
}

bool TrainingRun::goes_on(Step total) {
  impl_->total = total;
  return !impl_->is_over();
}

bool TrainingRun::after_step(const at::Tensor& loss, std::map<std::string, double> metrics) {
  Impl& impl = *impl_;
  ++impl.counts->step;
  impl.went_back = false;
  impl.take_in(false);
  impl.metrics = std::move(metrics);
  impl.latest = impl.monitor.check_step(impl.watched.model(), loss, impl.watched.optimizers(), impl.counts->step);
  impl.flush_seldom();
  if (impl.latest.current_loss) impl.metrics["loss"] = *impl.latest.current_loss;
  if (const auto failure = impl.recovery.detect_failure(impl.latest)) {
    impl.recover(*failure);
    return false;
  }
  impl.save_is_due = impl.save_is_due || impl.counts->step % impl.options.save_every == 0;
  impl.watch_the_time();
  return !impl.went_back && !impl.is_over();
}

void TrainingRun::recover_from(const std::exception& error) {
  if (!is_out_of_memory(error)) throw;
  impl_->recover("oom");
}

void TrainingRun::wait_saved() {
  impl_->take_in(true);
}

/// Only a run whose last state is durable is completed; any other one, but for a halted one, is to be started again.
int TrainingRun::finish() {
  Impl& impl = *impl_;
  impl.take_in(true);
  const bool is_early = impl.stopped && impl.counts->step < impl.total;
  bool is_saved = impl.saved == impl.counts->step;
  if (!impl.halted && !is_saved) {
    is_early ? impl.save_emergency() : impl.save_now();
    is_saved = impl.saved == impl.counts->step && !impl.went_back;
  }
  if (impl.halted) return kHaltedExitStatus;
  if (is_early || !is_saved) return kStoppedExitStatus;
  impl.session.complete();
  return 0;
}

Store& TrainingRun::store() noexcept {
  return impl_->store;
}
Session& TrainingRun::session() noexcept {
  return impl_->session;
}
StabilityMonitor& TrainingRun::monitor() noexcept {
  return impl_->monitor;
}
AutoRecovery& TrainingRun::recovery() noexcept {
  return impl_->recovery;
}
TimeoutHandler& TrainingRun::timeout() noexcept {
  return impl_->timeout;
}

}  // namespace lastgood

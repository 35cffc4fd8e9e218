// The catalog's rows are the state of a recovery: how often was tried, on which rungs, with what success. So a restart
// goes on where the last process stood, and a rung is never taken twice for want of memory.
#include <algorithm>
#include <utility>

#include <lastgood/error.h>
#include <lastgood/gc.h>
#include <lastgood/history.h>
#include <lastgood/verify.h>

#include "recovery/detail.h"
#include "recovery/diagnosis.h"
#include "recovery/impl.h"
#include "recovery/report.h"

namespace lastgood {

namespace {

constexpr const char* kOutOfMemory = "oom";
constexpr const char* kBudgetSpent = "max_retries_exceeded";

}  // namespace

AutoRecovery::Impl::Impl(Store& in, Session& by, RecoveryTarget on, RecoveryOptions with)
    : store(in), session(by), target(std::move(on)), options(std::move(with)) {
  recovery::check_options(target, options);
  history = list_recoveries(store, session.run());
  std::reverse(history.begin(), history.end());
  note_whole();
}

std::size_t AutoRecovery::Impl::spent() const {
  std::size_t spent = 0;
  for (const Recovery& tried : recovery::attempts_in(history)) {
    const bool is_smaller_batch = tried.failure == kOutOfMemory && !recovery::read_detail(tried).changes.empty();
    spent += is_smaller_batch ? 0 : 1;
  }
  return spent;
}

const Ladder& AutoRecovery::Impl::ladder(const std::string& failure) const {
  const auto own = options.ladders.find(failure);
  return own != options.ladders.end() ? own->second : default_ladder(failure);
}

/// One above the highest that was taken against this failure since the latest success. Against a lack of memory always
/// the first: a batch that was halved may be too large still.
std::size_t AutoRecovery::Impl::rung_for(const std::string& failure) const {
  std::size_t rung = 0;
  if (failure == kOutOfMemory) return rung;
  for (const Recovery& tried : recovery::attempts_in(history)) {
    if (tried.failure == failure)
      rung = std::max(rung, static_cast<std::size_t>(recovery::read_detail(tried).rung) + 1);
  }
  return std::min(rung, ladder(failure).size() - 1);
}

void AutoRecovery::Impl::note(const Recovery& recovery) {
  session.record(recovery);
  // As the catalog has it: with its id, session and time.
  history.push_back(list_recoveries(store, session.run()).front());
  healthy_steps = 0;
  scanned = false;
}

/// Not twice for one attempt: a second call finds another outcome and does nothing.
void AutoRecovery::Impl::settle(RecoveryOutcome outcome) {
  if (history.empty() || history.back().outcome != RecoveryOutcome::probation) return;
  Recovery settled = history.back();
  settled.outcome = outcome;
  session.record(settled);
  history.back() = std::move(settled);
}

void AutoRecovery::Impl::count_healthy(const StepMetrics& metrics) {
  if (history.empty() || metrics.step <= history.back().step) return;
  const RecoveryOutcome outcome = history.back().outcome;
  if (outcome != RecoveryOutcome::probation && outcome != RecoveryOutcome::halted) return;
  scanned = scanned || metrics.overall_health == Health::healthy;
  if (++healthy_steps < options.probation_steps || !scanned) return;
  // After a halt: somebody has mended the cause, or the run would not have come past it.
  outcome == RecoveryOutcome::halted ? begin_anew() : settle(RecoveryOutcome::succeeded);
}

void AutoRecovery::Impl::begin_anew() {
  Recovery boundary;
  boundary.step = latest.step;
  boundary.failure = "none";
  boundary.action = "reset";
  boundary.outcome = RecoveryOutcome::succeeded;
  boundary.resumed_step = boundary.step;
  note(boundary);
  halted.reset();
}

/// Touches nothing of the training.
void AutoRecovery::Impl::halt(const std::string& failure, const std::string& action, Step step, std::int64_t epoch) {
  Recovery end;
  end.step = step;
  end.epoch = epoch;
  end.failure = failure;
  end.action = action;
  end.outcome = RecoveryOutcome::halted;
  end.resumed_step = step;
  end.detail = recovery::write_detail(recovery::seen_in(latest));
  note(end);
  halted = recovery::diagnose(store, history);
  session.record(
      Event{.step = step,
            .kind = "halted",
            .severity = Severity::critical,
            .message = failure + " after " + std::to_string(halted->tried.size()) + " recoveries without success"});
  session.flush();
}

void AutoRecovery::Impl::note_whole() {
  if (target.state_version) whole_version = target.state_version();
}

bool AutoRecovery::Impl::is_torn() const {
  return target.state_version && target.state_version() != whole_version;
}

/// The save has succeeded: what goes wrong here is an event, and is tried again after the next one.
void AutoRecovery::Impl::keep_last() noexcept {
  const std::uint64_t keep = options.keep_last;
  if (keep == 0) return;
  try {
    std::vector<CheckpointId> old;
    const RetentionPolicy policy{.run = session.run(), .keep_last = keep, .keep_stable = keep};
    for (const CheckpointInfo& checkpoint : expired(store, policy)) old.push_back(checkpoint.id);
    if (old.empty()) return;
    forget(store, old);
    collect_garbage(store);
  } catch (const std::exception& error) {
    session.record(
        Event{.step = latest.step, .kind = "retention_failed", .severity = Severity::warning, .message = error.what()});
  }
}

AutoRecovery::AutoRecovery(Store& store, Session& session, RecoveryTarget target, RecoveryOptions options)
    : impl_(std::make_unique<Impl>(store, session, std::move(target), std::move(options))) {}
AutoRecovery::AutoRecovery(AutoRecovery&&) noexcept = default;
AutoRecovery::~AutoRecovery() = default;

void AutoRecovery::watch(HealthMonitor* monitor) noexcept {
  impl_->monitor = monitor;
}

std::optional<CheckpointInfo> AutoRecovery::resume(const SkippedFn& skipped) {
  prepare_restore();
  auto from = impl_->session.resume(impl_->target.restore, skipped);
  if (from) note_restored(from->id);
  return from;
}

void AutoRecovery::prepare_restore() {
  recovery::upgrade_again(impl_->target, impl_->history);
}

void AutoRecovery::note_restored(CheckpointId checkpoint) {
  recovery::make_again(impl_->target, recovery::pending_changes(impl_->history, checkpoint));
  impl_->note_whole();
  if (impl_->monitor != nullptr) impl_->monitor->restore_history(impl_->store, impl_->session.run(), checkpoint);
}

std::optional<std::string> AutoRecovery::detect_failure(const StepMetrics& metrics) {
  impl_->latest = metrics;
  impl_->note_whole();
  if (metrics.has_nan) return "nan_detected";
  if (metrics.has_inf) return "inf_detected";
  if (metrics.gradient_explosion) return "gradient_explosion";
  if (metrics.loss_divergence) return "loss_divergence";
  if (metrics.condition_number_high) return "condition_number_high";
  for (const auto& [failure, is_met] : impl_->options.failures) {
    if (is_met(metrics)) return failure;
  }
  impl_->count_healthy(metrics);
  return std::nullopt;
}

RecoveryResult AutoRecovery::recover(const std::string& failure, Step step, std::int64_t epoch) {
  static_cast<void>(impl_->ladder(failure));  // an unknown failure touches nothing
  impl_->settle(RecoveryOutcome::relapsed);
  if (failure == kOutOfMemory && impl_->monitor != nullptr) impl_->monitor->count_oom();
  if (impl_->spent() >= impl_->options.max_retries) {
    impl_->halt(failure, kBudgetSpent, step, epoch);
    return {.success = false, .action = kBudgetSpent, .step = step, .epoch = epoch, .restored = {}};
  }
  const RecoveryResult result = recovery::attempt(*impl_, failure, step, epoch);
  if (!result.success) impl_->halt(failure, result.action, step, epoch);
  impl_->note_whole();
  return result;
}

SaveOutcome AutoRecovery::save_checkpoint(Step step, std::int64_t epoch, std::map<std::string, double> metrics,
                                          bool is_stable) {
  SaveOutcome outcome;
  if (!impl_->target.save) {
    outcome.error = Error(ErrorCode::invalid_argument, "save", "RecoveryTarget::save is empty: nothing can be saved");
    return outcome;
  }
  const Stability stability = is_stable ? Stability::stable : Stability::unstable;
  outcome = impl_->target.save({.step = step, .epoch = epoch, .stability = stability, .metrics = std::move(metrics)});
  if (outcome.ok()) note_saved(*outcome.checkpoint, step, stability);
  return outcome;
}

void AutoRecovery::note_saved(CheckpointId checkpoint, Step step, Stability stability) noexcept {
  if (impl_->monitor != nullptr) impl_->monitor->note_checkpoint(checkpoint, step, stability);
  impl_->keep_last();
}

bool AutoRecovery::verify_checkpoint(CheckpointId checkpoint) {
  return verify(impl_->store, {.checkpoint = checkpoint}).ok();
}

RecoveryReport AutoRecovery::get_recovery_report() const {
  RecoveryReport report = recovery::summarise(impl_->history);
  report.consecutive_failures = recovery::attempts_in(impl_->history).size();
  for (const RunInfo& run : list_runs(impl_->store)) {
    if (run.name == impl_->session.run()) report.checkpoint_count = run.checkpoints;
  }
  return report;
}

std::optional<HaltReport> AutoRecovery::halt_report() const {
  return impl_->halted;
}

void AutoRecovery::reset() {
  impl_->begin_anew();
}

}  // namespace lastgood

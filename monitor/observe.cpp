// One observation: from numbers to a verdict. The steps are in health_monitor_impl.h.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

#include <lastgood/error.h>

#include "monitor/health_monitor_impl.h"

namespace lastgood {

namespace {

using monitor::Alarm;
using monitor::Source;

// Mixed precision's scale starts at 65,536 and is halved at each overflow: after 16 of them it is 1, and what still is
// not finite then is no matter of the scale.
constexpr Step kRoutineOverflows = 20;

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

template <class Item>
void add_once(std::vector<Item>& list, const Item& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

/// The enumerators are in this order.
Health worse(Health a, Health b) {
  return std::max(a, b);
}

bool has_tensors(const StepObservation& observation) {
  return observation.scan && !observation.scan->tensors.empty();
}

}  // namespace

// The verdict is complete before anybody is told of it, so an alert that throws leaves the monitor as it should be.
StepMetrics HealthMonitor::observe(const StepObservation& observation) {
  if (observation.step < 0) {
    throw Error(ErrorCode::invalid_argument, std::to_string(observation.step),
                "step " + std::to_string(observation.step) + " is negative");
  }
  impl_->begin_step(observation);
  const std::vector<Alarm> alarms = impl_->judge(observation);
  impl_->take_up(alarms);
  impl_->conclude();
  impl_->tell(observation, alarms);
  return *impl_->newest;
}

/// The second phase of the step, or a scan that came late and brings no scalars. Anything else with the same number is
/// a step that was gone back to.
bool HealthMonitor::Impl::completes_newest(const StepObservation& seen) const {
  if (!newest || seen.step != newest->step) return false;
  const bool next_phase = phase == StepPhase::before_optimizer && seen.phase == StepPhase::after_optimizer;
  return next_phase || (!seen.loss && !seen.gradient_norm);
}

void HealthMonitor::Impl::begin_step(const StepObservation& seen) {
  if (!completes_newest(seen)) {
    // A step that was seen in full and comes again means that the training went back to before it.
    if (newest && seen.step <= newest->step) rewind(seen.step);
    newest.emplace();
    newest->step = seen.step;
    learning_rate.reset();
    if (!seen.loss_scale_overflow) overflows_in_row = 0;
  }
  phase = seen.phase;
  newest->timestamp = now_ms();
  if (seen.loss_scale_overflow && !newest->loss_scale_overflow) {
    newest->loss_scale_overflow = true;
    ++overflows_in_row;
  }
  if (seen.learning_rate) learning_rate = seen.learning_rate;
  if (has_tensors(seen)) {
    last_scan = seen.step;
    newest->scanned = seen.phase;
  }
}

/// The scaler skips the step, so that its gradients reach no weight.
bool HealthMonitor::Impl::gradients_excused() const noexcept {
  return newest->loss_scale_overflow && overflows_in_row <= kRoutineOverflows;
}

std::vector<Alarm> HealthMonitor::Impl::judge(const StepObservation& seen) {
  const auto found = monitor::find_non_finite(seen, gradients_excused());
  enter_non_finite(found);
  std::vector<Alarm> alarms = monitor::non_finite_alarms(found);
  judge_scalars(seen, alarms);
  if (seen.stability) judge_stability(*seen.stability, alarms);
  return alarms;
}

void HealthMonitor::Impl::enter_non_finite(const std::vector<monitor::NonFinite>& found) {
  for (const monitor::NonFinite& one : found) {
    if (one.nan != 0) add_once(newest->nan_tensors, one.name);
    if (one.inf != 0) add_once(newest->inf_tensors, one.name);
  }
  newest->has_nan = !newest->nan_tensors.empty();
  newest->has_inf = !newest->inf_tensors.empty();
}

// A number that this step has already is not judged again: what repeats itself from one phase to the next.
void HealthMonitor::Impl::judge_scalars(const StepObservation& seen, std::vector<Alarm>& alarms) {
  if (seen.gradient_norm && !newest->gradient_norm) {
    newest->gradient_norm = last_gradient_norm = seen.gradient_norm;
    // An excused norm says nothing of the gradients, finite or not.
    const double norm = gradients_excused() ? std::nan("") : *seen.gradient_norm;
    const monitor::GradientVerdict verdict = scalars.judge_gradient(seen.step, norm);
    newest->gradient_median = verdict.median;
    newest->gradient_explosion = verdict.explosion;
    newest->gradient_vanishing = verdict.vanishing;
    const auto more = monitor::gradient_alarms(seen, verdict);
    alarms.insert(alarms.end(), more.begin(), more.end());
  }
  if (seen.loss && !newest->current_loss) {
    newest->current_loss = last_loss = seen.loss;
    const monitor::LossVerdict verdict = scalars.judge_loss(seen.step, *seen.loss);
    if (verdict.change) newest->loss_increase_pct = 100 * verdict.change->increase();
    newest->loss_divergence = verdict.divergence;
    newest->loss_stagnation = verdict.stagnation;
    const auto more = monitor::loss_alarms(verdict, options.loss_window, options.stagnation_steps);
    alarms.insert(alarms.end(), more.begin(), more.end());
  }
}

void HealthMonitor::Impl::judge_stability(const NumericalStability& measured, std::vector<Alarm>& alarms) {
  const auto verdict =
      monitor::judge_numerics(measured, options.condition_number_threshold, options.schatten_threshold);
  newest->condition_number_high |= verdict.condition_number_high;
  newest->schatten_norm_high |= verdict.schatten_norm_high;
  newest->condition_numbers = measured.condition_numbers;
  newest->schatten_norms = measured.schatten_norms;
  newest->eigenvalue_stats = measured.eigenvalue_stats;
  const Step step = newest->step;
  // Measured values stay in the history, high or not: people compare by them, no verdict does.
  for (const auto& [name, value] : measured.condition_numbers) {
    auto& window = condition_numbers.try_emplace(name, longest_window).first->second;
    window.rewind(step);
    window.add(step, value);
  }
  for (const auto& [name, value] : measured.schatten_norms) {
    auto& window = schatten_norms.try_emplace(name, longest_window).first->second;
    window.rewind(step);
    window.add(step, value);
  }
  const auto more = monitor::stability_alarms(verdict);
  alarms.insert(alarms.end(), more.begin(), more.end());
}

void HealthMonitor::Impl::take_up(const std::vector<Alarm>& alarms) {
  for (const Alarm& alarm : alarms) {
    if (alarm.event.severity == Severity::critical) add_once(newest->errors, alarm.event.message);
    if (alarm.event.severity == Severity::warning) add_once(newest->warnings, alarm.event.message);
  }
  count_failures();
}

void HealthMonitor::Impl::count_failures() {
  if (newest->has_nan) failures.note(newest->step, &FailureCounts::nan);
  if (newest->has_inf) failures.note(newest->step, &FailureCounts::inf);
  if (newest->gradient_explosion) failures.note(newest->step, &FailureCounts::gradient_explosion);
  if (newest->loss_divergence) failures.note(newest->step, &FailureCounts::loss_divergence);
}

/// From all phases of the step together; info alone makes no warning.
void HealthMonitor::Impl::conclude() {
  Health health = newest->scanned ? Health::healthy : Health::unchecked;
  if (!newest->warnings.empty()) health = worse(health, Health::warning);
  if (!newest->errors.empty()) health = worse(health, Health::critical);
  newest->overall_health = health;
  if (health != Health::unchecked) last_verdict = Verdict{newest->step, health};
}

/// An observation of the second phase replaces that of the first: a session keeps one for each step of a branch.
void HealthMonitor::Impl::tell(const StepObservation& seen, const std::vector<Alarm>& alarms) {
  if (session != nullptr) {
    session->record(Observation{.step = newest->step,
                                .loss = newest->current_loss,
                                .gradient_norm = newest->gradient_norm,
                                .learning_rate = learning_rate,
                                .health = newest->overall_health});
  }
  std::vector<Source> looked_at;
  if (seen.loss) looked_at.push_back(Source::loss);
  if (seen.gradient_norm) looked_at.push_back(Source::gradient);
  if (has_tensors(seen)) looked_at.push_back(Source::scan);
  if (seen.stability) looked_at.push_back(Source::stability);
  for (const Source source : looked_at) {
    for (const Alarm& alarm : active.begin(source, alarms)) announce(alarm);
  }
}

/// The store first: an alert of the user's may throw.
void HealthMonitor::Impl::announce(Alarm alarm) {
  alarm.event.step = newest ? newest->step : 0;
  if (session != nullptr) session->record(alarm.event);
  if (alert) alert(alarm.event.severity, alarm.event.message, alarm.suggestion);
}

void HealthMonitor::Impl::rewind(Step step) {
  scalars.rewind(step);
  failures.rewind(step);
  // What comes up again on the new branch is told again.
  active.clear();
  for (auto& [name, window] : condition_numbers) window.rewind(step);
  for (auto& [name, window] : schatten_norms) window.rewind(step);
  if (last_scan && *last_scan >= step) last_scan.reset();
  if (last_verdict && last_verdict->step >= step) last_verdict.reset();
  // Not the one at `step` itself: it may be what the training went back to.
  if (last_stable && last_stable->step > step) last_stable.reset();
  overflows_in_row = 0;
}

}  // namespace lastgood

// What is set and asked from outside. The way of an observation is in observe.cpp, what comes from the store in
// history.cpp, what is derived for people in dashboard.cpp.
#include <lastgood/monitor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <lastgood/error.h>

#include "monitor/health_monitor_impl.h"

namespace lastgood {

namespace {

void require(bool holds, const char* option, const char* rule) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, option, std::string("the monitor's option ") + option + " must be " + rule);
}

bool positive(double value) {
  return std::isfinite(value) && value > 0;
}

/// Refused now, by name: a window of 0 would make a monitor that never judges.
MonitorOptions checked(const MonitorOptions& options) {
  // Room for both ends that the divergence detector compares, ten losses each.
  constexpr Step kShortestLossWindow = 20;
  require(options.check_interval > 0, "check_interval", "positive");
  require(options.gradient_window > 0, "gradient_window", "positive");
  require(options.loss_window >= kShortestLossWindow, "loss_window", "at least 20");
  require(positive(options.gradient_explosion_threshold), "gradient_explosion_threshold", "positive and finite");
  require(positive(options.loss_divergence_threshold), "loss_divergence_threshold", "positive and finite");
  require(positive(options.condition_number_threshold), "condition_number_threshold", "positive and finite");
  require(positive(options.schatten_threshold), "schatten_threshold", "positive and finite");
  require(positive(options.explosion_mad_k), "explosion_mad_k", "positive and finite");
  require(options.vanishing_threshold >= 0 && options.vanishing_threshold < 1, "vanishing_threshold",
          "at least 0 and below 1");
  require(options.stagnation_steps >= 0, "stagnation_steps", "0 or more");
  return options;
}

}  // namespace

HealthMonitor::Impl::Impl(const MonitorOptions& wanted)
    : options(checked(wanted)),
      longest_window(std::max(options.gradient_window, options.loss_window)),
      scalars(options),
      failures(longest_window) {}

void HealthMonitor::Impl::forget_all() {
  rewind(0);
  newest.reset();
  last_loss.reset();
  last_gradient_norm.reset();
  last_stable.reset();
  condition_numbers.clear();
  schatten_norms.clear();
}

HealthMonitor::HealthMonitor(MonitorOptions options) : impl_(std::make_unique<Impl>(options)) {}
HealthMonitor::HealthMonitor(HealthMonitor&&) noexcept = default;
HealthMonitor& HealthMonitor::operator=(HealthMonitor&&) noexcept = default;
HealthMonitor::~HealthMonitor() = default;

const MonitorOptions& HealthMonitor::options() const noexcept {
  return impl_->options;
}

// By distance and not by `step % interval`: a trainer may observe any steps it likes.
bool HealthMonitor::scan_is_due(Step step) const noexcept {
  const auto& last = impl_->last_scan;
  return !last || step < *last || step - *last >= impl_->options.check_interval;
}

void HealthMonitor::count_oom() {
  const Step step = impl_->newest ? impl_->newest->step : 0;
  impl_->failures.note(step, &FailureCounts::oom);
  monitor::Alarm alarm;
  alarm.event.kind = "oom";
  alarm.event.severity = Severity::critical;
  alarm.event.message = "out of memory";
  alarm.suggestion = "reduce_batch_size";
  impl_->announce(std::move(alarm));
}

void HealthMonitor::reset_failure_counts() {
  impl_->failures.reset();
}

void HealthMonitor::note_checkpoint(CheckpointId checkpoint, Step step, Stability stability) {
  // A later verdict may take the title away again, but leaves no older one to fall back to.
  auto& last = impl_->last_stable;
  if (stability == Stability::stable) {
    last = Impl::StableCheckpoint{checkpoint, step};
  } else if (last && last->id == checkpoint) {
    last.reset();
  }
}

void HealthMonitor::forget_history() {
  impl_->scalars.clear();
}

void HealthMonitor::on_alert(AlertFn alert) {
  impl_->alert = std::move(alert);
}

void HealthMonitor::bind(Session& session) {
  impl_->session = &session;
}

void HealthMonitor::unbind() noexcept {
  impl_->session = nullptr;
}

}  // namespace lastgood

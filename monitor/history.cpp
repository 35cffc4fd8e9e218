// Bringing the windows back from the store: after a restart, or after a rollback.
#include <algorithm>
#include <map>

#include <lastgood/history.h>
#include <lastgood/monitor.h>
#include <lastgood/store.h>

#include "monitor/health_monitor_impl.h"

namespace lastgood {

namespace {

using Failure = monitor::FailureLog::Failure;

// The words are those of alarms.cpp. Kinds that are not here (a warning of the numerics) count for no score.
const std::map<std::string, Failure>& failures_by_kind() {
  static const std::map<std::string, Failure> kinds = {{"nan_detected", &FailureCounts::nan},
                                                       {"inf_detected", &FailureCounts::inf},
                                                       {"gradient_explosion", &FailureCounts::gradient_explosion},
                                                       {"loss_divergence", &FailureCounts::loss_divergence},
                                                       {"oom", &FailureCounts::oom}};
  return kinds;
}

/// The newest stable and intact checkpoint among this one and its ancestors.
std::optional<CheckpointInfo> stable_before(const Store& store, CheckpointId checkpoint) {
  auto at = find_checkpoint(store, checkpoint);
  while (at && (at->stability != Stability::stable || !at->intact)) {
    if (!at->parent) return std::nullopt;
    at = find_checkpoint(store, *at->parent);
  }
  return at;
}

}  // namespace

// What was judged then is judged once more, by the same rules, so that the same values stay out of the baselines.
void HealthMonitor::Impl::replay(const Observation& seen) {
  newest.emplace();
  newest->step = seen.step;
  newest->overall_health = seen.health;
  StepObservation again{.step = seen.step, .loss = seen.loss, .gradient_norm = seen.gradient_norm};
  // A norm that is not finite in a step that was not critical belongs to a loss-scale overflow.
  if (seen.health == Health::critical) enter_non_finite(monitor::find_non_finite(again, false));
  std::vector<monitor::Alarm> told_already;
  judge_scalars(again, told_already);
  count_failures();
  learning_rate = seen.learning_rate;
  if (seen.health != Health::unchecked) last_verdict = Verdict{seen.step, seen.health};
}

void HealthMonitor::restore_history(const Store& store, const std::string& run,
                                    std::optional<CheckpointId> leading_to) {
  // At most one observation a step, so a limit on their number covers the window.
  const Step longest = std::max(impl_->longest_window, impl_->options.stagnation_steps);
  const auto observations =
      list_observations(store, {.run = run, .limit = static_cast<std::uint64_t>(longest), .leading_to = leading_to});
  const auto events =
      list_events(store, {.run = run, .at_least = Severity::warning, .lineage_only = true, .leading_to = leading_to});
  const auto stable = leading_to ? stable_before(store, *leading_to) : last_stable(store, run);

  // After all questions were answered: one that fails leaves the monitor as it was.
  impl_->forget_all();
  impl_->failures.reset();
  for (const Observation& seen : observations) impl_->replay(seen);
  // A replayed step and its event are one: note() counts a failure once a step.
  for (const Event& event : events) {
    const auto kind = failures_by_kind().find(event.kind);
    if (kind != failures_by_kind().end()) impl_->failures.note(event.step, kind->second);
  }
  impl_->failures.count_from(impl_->newest ? impl_->newest->step : 0);
  if (stable) impl_->last_stable = Impl::StableCheckpoint{stable->id, stable->step};
}

}  // namespace lastgood

// Each rule adds what it keeps, and none takes anything away, so their order does not matter and what a rule keeps does
// not depend on the others.
#include "store/retention.h"

#include <algorithm>
#include <cmath>

namespace lastgood {

namespace {

using Checkpoints = std::vector<CheckpointInfo>;
using Kept = std::vector<CheckpointId>;

bool any(const CheckpointInfo&) {
  return true;
}
bool is_stable(const CheckpointInfo& checkpoint) {
  return checkpoint.stability == Stability::stable;
}

/// The first `count` intact ones of those that `matches` takes, in this order, and the damaged ones on the way: what is
/// damaged may be healed, but must not take the place of what is good.
void keep_first(const Checkpoints& in_order, std::uint64_t count, bool (*matches)(const CheckpointInfo&), Kept& kept) {
  for (const CheckpointInfo& checkpoint : in_order) {
    if (count == 0) return;
    if (!matches(checkpoint)) continue;
    kept.push_back(checkpoint.id);
    if (checkpoint.intact) --count;
  }
}

void keep_steps(const Checkpoints& checkpoints, Step every, Kept& kept) {
  for (const CheckpointInfo& checkpoint : checkpoints) {
    if (checkpoint.step % every == 0) kept.push_back(checkpoint.id);
  }
}

void keep_recent(const Checkpoints& checkpoints, std::chrono::seconds within, Kept& kept) {
  // Measured against the run's own newest checkpoint, not against now: a run that lies still loses nothing by waiting.
  std::int64_t newest = 0;
  for (const CheckpointInfo& checkpoint : checkpoints) newest = std::max(newest, checkpoint.created_at_ms);
  for (const CheckpointInfo& checkpoint : checkpoints) {
    const std::chrono::duration<double, std::milli> age(static_cast<double>(newest - checkpoint.created_at_ms));
    if (age <= std::chrono::duration<double>(within)) kept.push_back(checkpoint.id);
  }
}

void keep_best(const Checkpoints& newest_first, const RetentionPolicy& policy, Kept& kept) {
  struct Ranked {
    double value;
    const CheckpointInfo* checkpoint;
  };
  std::vector<Ranked> ranked;
  for (const CheckpointInfo& checkpoint : newest_first) {
    const auto metric = checkpoint.metrics.find(*policy.best_metric);
    // A loss that is not finite is never the best one, not even minus infinity: it tells of a failure.
    if (metric == checkpoint.metrics.end() || !std::isfinite(metric->second)) continue;
    ranked.push_back({policy.best_is_max ? -metric->second : metric->second, &checkpoint});
  }
  // Stable: of equals, the newer one first.
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.value < b.value; });
  Checkpoints best_first;
  for (const Ranked& one : ranked) best_first.push_back(*one.checkpoint);
  keep_first(best_first, policy.keep_best, any, kept);
}

bool has_rule(const RetentionPolicy& policy) {
  return policy.keep_last || policy.keep_stable || policy.keep_every || policy.keep_within || policy.best_metric;
}

[[noreturn]] void contradiction(const char* rule, const char* why) {
  throw Error(ErrorCode::invalid_argument, rule, std::string("retention policy: ") + rule + " " + why);
}

}  // namespace

void check_policy(const RetentionPolicy& policy) {
  if (policy.keep_every && *policy.keep_every <= 0) contradiction("keep_every", "must be at least 1");
  if (policy.keep_within && policy.keep_within->count() < 0) contradiction("keep_within", "must not be negative");
  if (policy.keep_best > 0 && !policy.best_metric) contradiction("keep_best", "needs the name of a metric");
  if (policy.best_metric && policy.keep_best == 0) contradiction("best_metric", "needs keep_best, how many to keep");
}

std::vector<CheckpointId> kept_by(const RetentionPolicy& policy, const std::vector<CheckpointInfo>& newest_first) {
  Kept kept;
  // An empty policy keeps everything: to forget is never the default.
  if (!has_rule(policy)) keep_first(newest_first, newest_first.size(), any, kept);
  if (policy.keep_last) keep_first(newest_first, *policy.keep_last, any, kept);
  if (policy.keep_stable) keep_first(newest_first, *policy.keep_stable, is_stable, kept);
  if (policy.keep_every) keep_steps(newest_first, *policy.keep_every, kept);
  if (policy.keep_within) keep_recent(newest_first, *policy.keep_within, kept);
  if (policy.best_metric) keep_best(newest_first, policy, kept);
  return kept;
}

}  // namespace lastgood

// Some sessions that crashed at the same place are no accident, and the next one would crash as well. What tells it is
// in the catalog: sessions that crashed, newest first, for as long as each left the head that this one finds.
#include "timeout/crash_loop.h"

#include <algorithm>
#include <map>

#include <lastgood/history.h>
#include <lastgood/session_cost.h>
#include <lastgood/telemetry.h>

#include "timeout/emergency.h"

namespace lastgood::timeout {
namespace {

std::string advice(const CrashLoop& loop, const CheckpointInfo& head) {
  const std::string crashed = std::to_string(loop.deaths) + " sessions in a row crashed after checkpoint " +
                              std::to_string(head.id.value) + " (step " + std::to_string(head.step) + ")";
  const std::string back = loop.older
                               ? "or go back to checkpoint " + std::to_string(loop.older->value) + " (older_checkpoint)"
                               : "or go back by hand: no older checkpoint is proven";
  if (loop.step) {
    return "run " + head.run + " dies at step " + std::to_string(*loop.step) + ": " + crashed +
           ". Skip the batches up to it (skip_batches), " + back;
  }
  return "run " + head.run + " makes no progress: " + crashed +
         ", at steps that differ or are not known. Save more often, " + back;
}

bool was_healthy(const Store& store, const CheckpointInfo& from, const CheckpointInfo& until, Step steps) {
  const auto seen = list_observations(store, {.run = until.run, .limit = 0, .leading_to = until.id});
  return std::none_of(seen.begin(), seen.end(), [&](const Observation& observation) {
    return observation.step > from.step && observation.step <= from.step + steps &&
           observation.health == Health::critical;
  });
}

}  // namespace

// The oldest that counts may be the one that saved the head; those before it left another.
Deaths deaths_after(const Store& store, const Session& session, CheckpointId head) {
  std::map<SessionId, std::optional<Step>> last_steps;
  for (const SessionCost& cost : list_session_costs(store, session.run())) last_steps[cost.session] = cost.last_step;
  Deaths deaths;
  std::vector<std::optional<Step>> steps;
  std::optional<CheckpointId> left = head;  // by the session that is looked at
  for (const SessionInfo& other : list_sessions(store, session.run())) {
    if (other.id == session.id()) {
      left = other.resumed_from;
      continue;
    }
    if (other.state != SessionState::crashed || left != head) break;
    steps.push_back(last_steps[other.id]);
    left = other.resumed_from;
  }
  deaths.count = steps.size();
  if (steps.size() < 2) return deaths;
  steps.pop_back();
  const bool same = std::all_of(steps.begin(), steps.end(), [&](const auto& step) { return step == steps.front(); });
  if (same && steps.front()) deaths.step = *steps.front() + 1;
  return deaths;
}

std::optional<CheckpointInfo> newest_proven(const Store& store, const CheckpointInfo& before, Step proven_after) {
  auto parent = before.parent;
  while (parent) {
    auto candidate = find_checkpoint(store, *parent);
    if (!candidate) return std::nullopt;
    const bool sound = candidate->stability == Stability::stable && candidate->intact && !is_reduced(*candidate);
    if (sound && before.step - candidate->step >= proven_after &&
        was_healthy(store, *candidate, before, proven_after)) {
      return candidate;
    }
    parent = candidate->parent;
  }
  return std::nullopt;
}

std::optional<CrashLoop> find_crash_loop(const Store& store, const Deaths& deaths, const CheckpointInfo& head,
                                         const ResumeOptions& options) {
  if (deaths.count < options.crash_loop_sessions) return std::nullopt;
  CrashLoop loop;
  loop.from = head.id;
  loop.deaths = deaths.count;
  loop.step = deaths.step;
  if (const auto older = newest_proven(store, head, options.proven_after)) loop.older = older->id;
  loop.advice = advice(loop, head);
  return loop;
}

}  // namespace lastgood::timeout

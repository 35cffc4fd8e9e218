#include "cli/records.h"

#include <map>
#include <utility>

#include <lastgood/history.h>

#include "cli/units.h"

namespace lastgood::cli {

namespace {

Tone tone_of(SessionState state) {
  switch (state) {
    case SessionState::open: return Tone::strong;
    case SessionState::completed: return Tone::good;
    case SessionState::interrupted: return Tone::doubtful;
    case SessionState::crashed: return Tone::bad;
  }
  return Tone::plain;
}

}  // namespace

Tone tone_of(Health health) {
  switch (health) {
    case Health::unchecked: return Tone::plain;
    case Health::healthy: return Tone::good;
    case Health::warning: return Tone::doubtful;
    case Health::critical: return Tone::bad;
  }
  return Tone::plain;
}

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::info: return Tone::plain;
    case Severity::warning: return Tone::doubtful;
    case Severity::critical: return Tone::bad;
  }
  return Tone::plain;
}

Tone tone_of(RecoveryOutcome outcome) {
  switch (outcome) {
    case RecoveryOutcome::succeeded: return Tone::good;
    case RecoveryOutcome::probation:
    case RecoveryOutcome::relapsed: return Tone::doubtful;
    case RecoveryOutcome::failed:
    case RecoveryOutcome::halted: return Tone::bad;
  }
  return Tone::plain;
}

std::vector<SessionRecord> list_session_records(const Store& store, const std::optional<std::string>& run) {
  std::map<SessionId, SessionCost> costs;
  for (SessionCost& cost : list_session_costs(store, run)) costs[cost.session] = std::move(cost);
  std::vector<SessionRecord> sessions;
  for (SessionInfo& info : list_sessions(store, run)) {
    SessionCost& cost = costs[info.id];
    sessions.push_back({std::move(info), std::move(cost)});
  }
  return sessions;
}

Cell shown_state(const SessionRecord& session) {
  const SessionState state = session.info.state;
  if (session.cost.halted && state != SessionState::open) return {"halted", Tone::bad};
  return {to_string(state), tone_of(state)};
}

std::string lasted(const SessionInfo& session) {
  // It is open, it crashed, or a rebuild brought it back.
  if (!session.ended_at_ms) return "-";
  return human_duration(std::chrono::milliseconds(*session.ended_at_ms - session.started_at_ms));
}

/// Under way, or brought to an end as it should be: that is no loss.
std::string steps_lost(const SessionRecord& session) {
  const bool is_known = session.info.state != SessionState::open && session.cost.last_step;
  return is_known ? std::to_string(session.cost.steps_lost) : "-";
}

double seconds(std::chrono::microseconds span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace lastgood::cli

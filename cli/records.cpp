#include "cli/records.h"

#include "cli/units.h"

namespace lastgood::cli {

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

Tone tone_of(SessionState state) {
  switch (state) {
    case SessionState::open: return Tone::strong;
    case SessionState::completed: return Tone::good;
    case SessionState::interrupted: return Tone::doubtful;
    case SessionState::crashed: return Tone::bad;
  }
  return Tone::plain;
}

std::string lasted(const SessionInfo& session) {
  // It is open, it crashed, or a rebuild brought it back.
  if (!session.ended_at_ms) return "-";
  return human_duration(std::chrono::milliseconds(*session.ended_at_ms - session.started_at_ms));
}

/// Under way, or brought to an end as it should be: that is no loss.
std::string steps_lost(const SessionInfo& session, const SessionCost& cost) {
  return session.state == SessionState::open || !cost.last_step ? "-" : std::to_string(cost.steps_lost);
}

double seconds(std::chrono::microseconds span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace lastgood::cli

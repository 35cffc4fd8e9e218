// How sessions, verdicts, events and recoveries are shown by more than one command. checkpoints.h has the same for
// checkpoints.
#pragma once

#include <chrono>
#include <string>

#include <lastgood/session_cost.h>
#include <lastgood/telemetry.h>

#include "cli/output.h"

namespace lastgood::cli {

Tone tone_of(Health health);
Tone tone_of(Severity severity);
Tone tone_of(RecoveryOutcome outcome);
Tone tone_of(SessionState state);

/// How long it lasted: "3h", or "-" where nobody wrote down its end.
std::string lasted(const SessionInfo& session);
/// "17", or "-" where that cannot be told yet.
std::string steps_lost(const SessionInfo& session, const SessionCost& cost);

double seconds(std::chrono::microseconds span);

}  // namespace lastgood::cli

// How sessions, verdicts, events and recoveries are shown by more than one command. checkpoints.h has the same for
// checkpoints.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/session_cost.h>
#include <lastgood/telemetry.h>

#include "cli/table.h"

namespace lastgood::cli {

Tone tone_of(Health health);
Tone tone_of(Severity severity);
Tone tone_of(RecoveryOutcome outcome);

/// A session with what it cost.
struct SessionRecord {
  SessionInfo info;
  SessionCost cost;
};
/// Newest first; of one run or of all.
std::vector<SessionRecord> list_session_records(const Store& store, const std::optional<std::string>& run);

/// "completed"; "halted" where a recovery gave up before the session ended, however that came.
Cell shown_state(const SessionRecord& session);
/// How long it lasted: "3h", or "-" where nobody wrote down its end.
std::string lasted(const SessionInfo& session);
/// "17", or "-" where that cannot be told yet.
std::string steps_lost(const SessionRecord& session);

double seconds(std::chrono::microseconds span);

}  // namespace lastgood::cli

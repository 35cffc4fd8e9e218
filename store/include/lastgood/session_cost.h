// What each session cost: steps that were trained and are gone, and the time that saves took.
//
// As far as it was recorded: telemetry of a session that crashed lacks its newest batch (telemetry.h), so it may have
// lost more steps than this tells.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/store.h>

namespace lastgood {

/// The kind of the event that tells why a session is about to end: a signal, a deadline. Its message is for people.
inline constexpr char kSessionEnding[] = "session_ending";

/// The kind of the event that tells when the session will end, recorded as soon as that is known and again when it has
/// changed; the newest one of a session counts. No alarm. Its detail is {"ends_at": milliseconds since 1970, or null
/// where no end is known any more, "source": a word such as "slurm"}.
inline constexpr char kSessionDeadline[] = "session_deadline";

struct SessionCost {
  SessionId session;
  /// The highest step that anything was recorded of, since the session's start or its newest rollback.
  std::optional<Step> last_step = {};
  /// The newest checkpoint's since then; else where it began.
  Step saved_step = 0;
  /// From the one to the other; none in a session that completed.
  Step steps_lost = 0;
  std::uint64_t saves = 0, failed_saves = 0;
  std::chrono::microseconds blocked{0};  // the trainer was held by saves
  std::chrono::microseconds durable{0};  // from the calls until the commits were on disk
  std::string ending = {};               // the message of its newest event of the kind kSessionEnding
  /// Its newest recovery was a halt (recovery.h), and it did not complete after that: the failure could not be undone.
  bool halted = false;
};

/// In the order of list_sessions(): newest first. Safe from any thread; changes nothing.
std::vector<SessionCost> list_session_costs(const Store& store, const std::optional<std::string>& run = {});

}  // namespace lastgood

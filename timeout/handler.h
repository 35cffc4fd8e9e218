// The inside of a TimeoutHandler: what it knows of the session's time.
//
// For the thread that trains, but for `board`, `signals` and warn(), which others use. Members are ordered by who uses
// whom: `watch` ends its thread before the board goes, which that thread asks.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <lastgood/timeout.h>

#include "timeout/check_intervals.h"
#include "timeout/deadline_note.h"
#include "timeout/deadline_watch.h"
#include "timeout/save_plan.h"
#include "timeout/signals.h"

namespace lastgood {

struct TimeoutHandler::Impl {
  Store& store;
  Session& session;
  const TimeoutTarget target;
  TimeoutOptions options;
  const Machine& machine;
  const bool is_colab;
  const BootTime start;              // of the session
  const std::int64_t start_wall_ms;  // the same, for people
  timeout::DeadlineBoard board;
  timeout::SignalWatch signals;
  timeout::DeadlineWatch watch;
  timeout::DeadlineNote deadline_note;

  timeout::CheckIntervals intervals;

  timeout::Outlook outlook;
  BootTime board_end = BootTime::max();  // outlook.end rests on it
  std::optional<timeout::Notice> stop_notice, warning_notice;
  std::optional<std::chrono::nanoseconds> save_time;  // of the whole state
  BootTime next_reckoning{};
  BootTime attention{};  // before it nothing happens by itself

  std::optional<BootTime> attempted;                   // the newest save's state was the current one then
  std::optional<std::pair<CheckpointId, Step>> noted;  // the newest checkpoint of this process
  Step last_step = 0;                                  // that anybody named
  bool due = false, over = false, warned = false, emergency_saved = false;
  bool suspects_crash_loop = false;

  Impl(Store& in, Session& by, TimeoutTarget on, TimeoutOptions with);

  /// Whether look() would find anything new; cheap. Comparisons and atomic loads: with the clock, all that a check
  /// costs when nothing is due.
  bool needs_a_look(BootTime now) const noexcept;
  /// Brings everything above up to date.
  void look(BootTime now) noexcept;
  std::chrono::nanoseconds remaining(BootTime now) const noexcept;
  /// As of the last look.
  std::optional<Deadline> deadline() const;
  void remember(CheckpointId checkpoint, Step step, BootTime at) noexcept;
  void warn(const std::string& what) const noexcept;

  EmergencySave save(const SaveRequest& wanted, const std::string& additional, BootTime now);

 private:
  void listen(BootTime now);
  BootTime end() const noexcept;
  void reckon(BootTime now);
  void tell_of_the_end(BootTime now);
};

}  // namespace lastgood

// What a time limit tells of itself.
//
// Plain values that own what they hold: safe to copy from any thread. Times are of the boot clock, so an hour in which
// the machine was suspended counts; they are only as right as the sources that told the end (timeout_sources.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <lastgood/save.h>

namespace lastgood {

/// The answer to "is there time for another step?". Always filled in as a whole.
struct TimeoutCheck {
  /// Stays true until a save was tried, by the handler or as told to note_checkpoint().
  bool should_save = false;      // an emergency save is due
  double remaining_minutes = 0;  // never negative; infinite where no end is known
  double elapsed_minutes = 0;
  bool warning_issued = false;  // the threshold was reached once, or a signal came
  bool is_colab = false;
  /// What is trained from here on would be lost, or the process was asked to end: finish. Never while a save is due.
  bool should_stop = false;
};

/// For display. A check in a training loop is cheaper by check_timeout().
struct TimeoutStatus {
  bool is_colab = false;
  double elapsed_hours = 0;
  double remaining_minutes = 0;  // infinite where no end is known
  bool warning_issued = false;
  bool emergency_checkpoint_saved = false;
  std::int64_t session_start_ms = 0;  // milliseconds since 1970
  std::string checkpoint_dir;

  /// An object of these seven, in this order; `session_start` as ISO 8601, an infinity as null.
  std::string to_json() const;
};

/// What came of an emergency save. A save that failed changes nothing in memory, and counts as tried: the next one is
/// due later, and not at once. Also recorded, as an event of the kind `emergency_save`, critical where ok() is false.
struct EmergencySave {
  std::optional<CheckpointId> checkpoint;  // the newest that is durable of what was asked for
  bool reduced = false;                    // it holds the model first, and not everything
  bool was_durable = false;                // this very state had been saved before: nothing was written
  std::optional<Error> error;              // why it is not the whole state
  /// From the call until the state was durable, or the save had failed.
  std::chrono::nanoseconds took{0};

  /// The whole state is on disk.
  bool ok() const noexcept { return checkpoint.has_value() && !reduced; }
};

}  // namespace lastgood

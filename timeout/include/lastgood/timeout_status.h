// What a time limit tells of itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <lastgood/save.h>

namespace lastgood {

/// The answer to "is there time for another step?". Always filled in as a whole.
struct TimeoutCheck {
  bool should_save = false;      // an emergency save is due
  double remaining_minutes = 0;  // never negative; infinite where no end is known
  double elapsed_minutes = 0;
  bool warning_issued = false;  // the threshold was reached once, or a signal came
  bool is_colab = false;
  /// What is trained from here on would be lost, or the process was asked to end: finish. Never while a save is due.
  bool should_stop = false;
};

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

/// What came of an emergency save.
struct EmergencySave {
  std::optional<CheckpointId> checkpoint;  // the newest that is durable of what was asked for
  bool reduced = false;                    // it holds the model first, and not everything
  bool was_durable = false;                // this very state had been saved before: nothing was written
  std::optional<Error> error;              // why it is not the whole state
  std::chrono::nanoseconds took{0};

  /// The whole state is on disk.
  bool ok() const noexcept { return checkpoint.has_value() && !reduced; }
};

}  // namespace lastgood

// What a resume is asked for, and what came of it.
//
// Plain values that own what they hold: safe to copy from any thread, and valid without the store. The rules by which a
// checkpoint is taken or passed over, and a crash loop is told from bad luck, are in timeout/README.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>

namespace lastgood {

/// What to do where a run dies at one place again and again. By default nothing is decided for the user: to skip data
/// or to lose steps is worse than to be told, where the crash had another cause.
enum class CrashLoopAction : std::uint8_t {
  tell,              // goes on as always; the result names it and what to try
  older_checkpoint,  // goes back to CrashLoop::older, where there is one
  skip_batches,      // goes on from the head, past the batches up to the step at which it died
};

/// What makes no sense is invalid_argument when the handler is made.
struct ResumeOptions {
  /// Taken by auto_resume() alone, and only where the loop was found.
  CrashLoopAction on_crash_loop = CrashLoopAction::tell;
  /// So many sessions in a row crashed without a checkpoint to show for it; at least 2. A crash after a newer
  /// checkpoint is no loop: the run came further.
  std::uint64_t crash_loop_sessions = 3;
  /// A stable checkpoint is proven when so many steps after it were trained and none of them was critical. Only a
  /// proven one is gone back to.
  Step proven_after = 100;
  /// Takes a checkpoint of another kind of device or number of processes: TimeoutTarget::restore maps it. Refused
  /// otherwise, before anything is touched.
  bool map_place = false;
  /// Takes a reduced checkpoint, the model without the rest, where it is the newest.
  bool accept_reduced = false;
};

/// A run that dies again and again after the same checkpoint. Found in the records of sessions, before the resume; it
/// says nothing of the cause.
struct CrashLoop {
  CheckpointId from;                  // which all of them went on from
  std::uint64_t deaths = 0;           // sessions in a row
  std::optional<Step> step;           // at which it dies; nothing where they came to different ones
  std::optional<CheckpointId> older;  // the newest proven one before; nothing where there is none
  std::string advice;                 // for people, in words
};

/// A checkpoint that auto_resume() did not take: unstable, damaged, reduced, or on the way into a crash loop.
struct PassedOver {
  CheckpointId checkpoint;
  Step step = 0;
  std::string why;
};

/// What was resumed. A completed run is restored, too: its loop, which begins at `step`, has nothing left to do. In the
/// store as well, as an event of the kind `resumed`: a warning where newer checkpoints were passed over.
struct ResumeInfo {
  CheckpointId checkpoint;
  Step step = 0;
  std::int64_t epoch = 0;
  /// Those of the save.
  std::map<std::string, double> metrics;
  std::string additional_state = "{}";  // as it was given to save_emergency_checkpoint()
  std::int64_t timestamp_ms = 0;        // of the checkpoint: milliseconds since 1970
  bool completed = false;
  bool reduced = false;                 // the model alone was restored
  std::vector<PassedOver> passed_over;  // newer ones, and why
  std::optional<CrashLoop> crash_loop;
  std::optional<Step> skipped_to;  // batches up to this step were skipped
};

}  // namespace lastgood

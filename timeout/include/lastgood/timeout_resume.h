// What a resume is asked for, and what came of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>

namespace lastgood {

/// What to do where a run dies at one place again and again.
enum class CrashLoopAction : std::uint8_t {
  tell,              // goes on as always; the result names it and what to try
  older_checkpoint,  // goes back to CrashLoop::older, where there is one
  skip_batches,      // goes on from the head, past the batches up to the step at which it died
};

struct ResumeOptions {
  CrashLoopAction on_crash_loop = CrashLoopAction::tell;
  /// So many sessions in a row crashed without a checkpoint to show for it.
  std::uint64_t crash_loop_sessions = 3;
  /// Healthy steps after which a stable checkpoint is proven.
  Step proven_after = 100;
  /// Takes a checkpoint of another device or number of processes: TimeoutTarget::restore maps it.
  bool map_place = false;
  /// Takes a reduced checkpoint, the model without the rest, where it is the newest.
  bool accept_reduced = false;
};

/// A run that dies again and again after the same checkpoint.
struct CrashLoop {
  CheckpointId from;                  // which all of them went on from
  std::uint64_t deaths = 0;           // sessions in a row
  std::optional<Step> step;           // at which it dies; nothing where they came to different ones
  std::optional<CheckpointId> older;  // the newest proven one before; nothing where there is none
  std::string advice;                 // for people, in words
};

struct PassedOver {
  CheckpointId checkpoint;
  Step step = 0;
  std::string why;
};

/// What was resumed. A completed run is restored, too: its loop, which begins at `step`, has nothing left to do.
struct ResumeInfo {
  CheckpointId checkpoint;
  Step step = 0;
  std::int64_t epoch = 0;
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

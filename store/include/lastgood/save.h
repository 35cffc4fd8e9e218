// What a save is asked for, and what came of it.
//
// A save never throws: a training step must not be unwound because a disk is full. It tells its outcome by value. A
// failed save leaves no checkpoint, not even a part of one, and all earlier checkpoints as they were.
//
// How a save becomes durable, and what it costs whom: store/FORMAT.md, "The protocol", and SaveOutcome's times.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/error.h>

namespace lastgood {

/// What does not fit is invalid_argument in the outcome: a negative step, a metric without a name, metadata that is no
/// JSON object or nests more than 64 levels deep.
struct SaveRequest {
  Step step = 0;
  std::int64_t epoch = 0;
  CheckpointKind kind = CheckpointKind::regular;
  Stability stability = Stability::unknown;
  /// Names as entries' names. May be NaN or infinite, and are kept so.
  std::map<std::string, double> metrics = {};
  std::string metadata = "{}";  // a JSON object of at most 1 MiB
};

/// When an asynchronous save takes its copy of the state.
enum class Staging {
  /// Copied before save_async() returns (or as fast as the disk drains, where the state exceeds the staging memory).
  at_capture,
  /// save_async() returns at once and threads read the live tensors: no tensor without `copy_at_capture` may change
  /// before wait_staged() returns. Call it before optimizer.step().
  overlapped,
};

/// Either `checkpoint` or `error` is set. Codes: invalid_argument (the request, a tensor that changed under an
/// overlapped save, a session that has ended or belongs to another process), no_space, io (also for want of memory),
/// busy (the catalog was held for longer than StoreOptions::busy_timeout), permission, corruption (contents that the
/// save built on do not read any more), internal. After an io or no_space of the final commit, the checkpoint may still
/// be there when the store is opened next: never half of one.
struct SaveOutcome {
  std::optional<CheckpointId> checkpoint;  // set when the save is durable
  std::optional<Error> error;              // set when it failed
  /// Known once all contents are written, also where the commit failed.
  BlobHash digest;
  std::uint64_t bytes_logical = 0;
  std::uint64_t bytes_new = 0;          // added to the packs, headers and manifest included
  std::chrono::nanoseconds blocked{0};  // the caller was held: in save(), save_async() and wait_staged()
  std::chrono::nanoseconds durable{0};  // from the call until the final commit was on disk
  std::chrono::nanoseconds catalog{0};  // of `durable`, spent in catalog transactions while nothing else went on

  bool ok() const noexcept { return checkpoint.has_value(); }
  /// The checkpoint's id, or throws the error. For callers that want the step to fail.
  CheckpointId value() const;
};

/// A save under way. Copies share it. Letting go of every copy neither cancels nor waits: the session does. Valid also
/// after the session has ended.
/// All functions may be called from any thread.
class SaveHandle {
 public:
  /// Returns when the state has been copied: tensors may change again. Overlapped: copies what is left, with all cores.
  /// At once where the save has ended. Error: io where the machine has no memory for a single copy; tensors must then
  /// stay until wait_durable().
  void wait_staged();
  /// Returns when the checkpoint is durable, or the save has failed. The outcome lives as long as a copy of the handle;
  /// the callback has returned by then.
  const SaveOutcome& wait_durable();
  /// True once wait_durable() would return at once.
  bool done() const;

  struct State;
  explicit SaveHandle(std::shared_ptr<State> state) noexcept;

 private:
  std::shared_ptr<State> state_;
};

/// Told the outcome once, on a thread of the session's, after the commit and before wait_durable() returns. It must not
/// throw, nor wait for the thread that it is called on: no save(), save_async(), rollback() or complete() of the
/// session, no wait on a handle. record() and flush() are fine.
using SaveCallback = std::function<void(const SaveOutcome&)>;

}  // namespace lastgood

// The saves of a session, one after the other on a thread of its own; and the shared state behind a SaveHandle.
//
// Locks: the queue's mutex and a save's are never held at once, and neither across the run of a save or a callback. A
// callback may therefore ask any handle and record telemetry; what waits for the queue itself (a rollback, the end of
// the session) would wait for the callback, and so for ever.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <lastgood/save.h>

#include "store/save_job.h"

namespace lastgood {

struct SaveHandle::State {
  using Clock = SaveJob::Clock;

  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<SaveJob> job;  // gone once the save has ended
  unsigned threads = 1;
  Clock::time_point called;
  SaveCallback callback;
  Step step = 0;
  CheckpointKind kind = CheckpointKind::regular;
  bool done = false;
  SaveOutcome outcome;  // `blocked` grows until the caller has the handle and the state is staged

  /// Runs `wait` and counts its time as time that the caller was held. From any thread; several at once count each by
  /// itself.
  template <class Wait>
  void block(const Wait& wait) {
    const auto start = Clock::now();
    wait();
    const std::lock_guard lock(mutex);
    outcome.blocked += Clock::now() - start;
  }
  /// The job, as long as it has not ended.
  std::shared_ptr<SaveJob> running();
  SaveOutcome so_far();
  /// Calls back, then wakes those who wait. Once.
  void finish(SaveOutcome result);
};

/// Safe from any thread, but drain() and the destructor not from the queue's own, for which they wait. There is one
/// thread, so that saves are committed in the order of their calls, and each finds the one before it as its parent.
class SaveQueue {
 public:
  using SavedFn = std::function<void(SaveHandle::State&)>;
  using IdleFn = std::function<void()>;
  /// `saved` is told of each save after its caller was; then, and after wake(), `idle` runs. Both on the queue's
  /// thread; neither may throw.
  SaveQueue(SavedFn saved, IdleFn idle) : saved_(std::move(saved)), idle_(std::move(idle)) {}
  ~SaveQueue();  // finishes what is queued
  SaveQueue(const SaveQueue&) = delete;
  SaveQueue& operator=(const SaveQueue&) = delete;

  void push(std::shared_ptr<SaveHandle::State> save);
  /// Runs `idle` soon.
  void wake();
  /// Waits until nothing is queued or running, `idle` included.
  void drain();

 private:
  void work();

  const SavedFn saved_;
  const IdleFn idle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<SaveHandle::State>> queue_;  // the front one is running; null: a wake()
  bool stopping_ = false;
  std::thread thread_;  // started by the first save
};

}  // namespace lastgood

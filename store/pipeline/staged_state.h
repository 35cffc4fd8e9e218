// The copy of a state: taken task by task, by whoever comes first, the trainer's thread or the save's.
//
// Each task is claimed once, and only by a thread that already has a slot for it. The save takes tasks in order: one
// that nobody has copied yet it copies itself, computing the digests on the way. So a save without a copy beforehand,
// one that copies all at capture and one that copies behind the trainer's back are one and the same.
//
// The hash is always of the copy, never of the live tensor: a blob matches its name even where the tensor changes under
// the save.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <vector>

#include "store/format/digest.h"
#include "store/pipeline/chunk_plan.h"
#include "store/pipeline/staging_arena.h"

namespace lastgood::pipeline {

/// Safe from any thread. The tensors must stay as they are until all is staged or abandoned.
class StagedState {
 public:
  /// Reads the version counters of `state`, which must outlive the object, as the plan does.
  StagedState(std::span<const TensorView> state, const ChunkPlan& plan, StagingArena& arena);

  /// Copies what is not yet copied and waits for what others are copying. Returns early once abandoned.
  /// What fails here is not thrown: take() reports it, on the save's side.
  void stage_all(unsigned threads);
  /// Copies the tasks with `copy_at_capture`.
  void stage_captured();
  /// Copies as long as slots are free, without waiting for one.
  void stage_while_free(unsigned threads);

  struct Copy {
    StagingArena::Slot slot;
    std::vector<format::Digest> digests;  // one per piece
  };
  /// Hands over the copy of a task, once. Throws Error(invalid_argument) where a tensor changed while it was copied.
  /// Waits for whoever is copying it. REQUIRES: not abandoned.
  Copy take(std::size_t task);

  /// The save has ended: nobody will take the rest. Wakes all who wait.
  void abandon() noexcept;

 private:
  enum class Stage : std::uint8_t { unclaimed, claimed, staged };
  struct TaskState {
    std::atomic<Stage> stage{Stage::unclaimed};
    StagingArena::Slot slot;
  };

  /// Copies unclaimed tasks below `limit`, as many at once as there are threads and slots. Without `wait`, returns when
  /// no slot is free.
  void stage_up_to(std::size_t limit, unsigned threads, bool wait);
  /// REQUIRES: this thread has claimed the task. A failure is noted for take(), and the task counts as staged all the
  /// same.
  void stage(std::size_t task, StagingArena::Slot slot);
  /// True for one thread alone.
  bool claim(std::size_t task) noexcept;
  /// The first unclaimed task before `limit`, or `limit`.
  std::size_t claim_next(std::size_t limit) noexcept;
  /// Moves first_unclaimed_ on, past what others have claimed.
  bool all_claimed(std::size_t limit) noexcept;
  /// The task is done: its copy waits in `slot` for take(), or was taken at once.
  void publish(std::size_t task, StagingArena::Slot slot);
  /// Throws Error(invalid_argument) where a tensor's counter is another than at capture.
  void check_versions(const Task& task);
  void fail_with_current_exception() noexcept;
  /// There is no memory for copies: notes why for take(), and leaves no task for anybody to begin.
  void give_up() noexcept;
  void wait_until_staged(std::size_t task);

  std::span<const TensorView> state_;
  const ChunkPlan& plan_;
  StagingArena& arena_;
  // At capture, by entry; 0 for one without a counter.
  std::vector<std::uint64_t> versions_;
  std::vector<TaskState> tasks_;
  std::atomic<std::size_t> first_unclaimed_{0};  // all before it are claimed
  std::atomic<bool> abandoned_{false};
  // Guards the tasks' slots and failure_. Stages are atomic, so that claims need no lock.
  std::mutex mutex_;
  std::condition_variable staged_;
  std::exception_ptr failure_;
};

}  // namespace lastgood::pipeline

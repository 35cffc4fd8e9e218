// Three ways lead to a task's copy, and the claim decides which:
//   1. take() claims it: copied and hashed in one go, while it is in cache.
//   2. Somebody has staged it: its copy is taken over and hashed then.
//   3. Somebody is at it: take() waits.
//
// So no task is copied twice, whoever comes first, and no order between the trainer and the save has to be agreed on.
//
// Lock order: mutex_ before the arena's, since slots may be given back under it. What the arena calls back (give_up)
// therefore reads atomics alone.
#include "store/pipeline/staged_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <lastgood/error.h>

#include "store/pipeline/parallel.h"

namespace lastgood::pipeline {
namespace {

// Small enough that a piece which was just copied is still in the core's cache when it is hashed.
constexpr std::size_t kCacheBytes = 128 * 1024;

format::Digest digest_of(std::span<const std::byte> bytes) {
  format::Digester digester;
  digester.update(bytes);
  return digester.finish();
}

/// Copies a part of a piece, from `done` on.
void copy(const TensorView& view, const Piece& piece, std::size_t done, std::span<std::byte> to) {
  if (view.read) {
    view.read(piece.offset + done, to);
  } else {
    std::memcpy(to.data(), static_cast<const std::byte*>(view.data) + piece.offset + done, to.size());
  }
}

format::Digest copy_and_digest(const TensorView& view, const Piece& piece, std::byte* to) {
  format::Digester digester;
  for (std::size_t done = 0; done < piece.bytes; done += kCacheBytes) {
    const std::span<std::byte> part(to + done, std::min(kCacheBytes, piece.bytes - done));
    copy(view, piece, done, part);
    digester.update(part);
  }
  return digester.finish();
}

}  // namespace

StagedState::StagedState(std::span<const TensorView> state, const ChunkPlan& plan, StagingArena& arena)
    : state_(state), plan_(plan), arena_(arena), versions_(state.size()), tasks_(plan.tasks.size()) {
  for (std::size_t i = 0; i < state.size(); ++i) {
    // Before any byte is copied: a change from here on is noticed.
    if (state[i].version) versions_[i] = state[i].version();
  }
}

void StagedState::stage_all(unsigned threads) {
  stage_up_to(tasks_.size(), threads, true);
  // All are claimed by now, but others may still be copying.
  for (std::size_t i = 0; i < tasks_.size(); ++i) wait_until_staged(i);
}

void StagedState::stage_captured() {
  stage_up_to(plan_.captured, 1, true);
  for (std::size_t i = 0; i < plan_.captured; ++i) wait_until_staged(i);
}

void StagedState::stage_while_free(unsigned threads) {
  stage_up_to(tasks_.size(), threads, false);
}

void StagedState::stage_up_to(std::size_t limit, unsigned threads, bool wait) {
  const auto done = [this, limit] { return abandoned_ || all_claimed(limit); };
  // First the slot, then the claim: a claimed task has its memory already and will be finished, so nobody ever waits
  // for one that itself waits for memory.
  parallel_for(threads, threads, [&](std::size_t) {
    try {
      while (!done()) {
        StagingArena::Slot slot = wait ? arena_.acquire(done) : arena_.try_acquire();
        if (!slot) return;
        const std::size_t task = claim_next(limit);
        if (task != limit) stage(task, std::move(slot));
      }
    } catch (...) {
      give_up();
    }
  });
}

StagedState::Copy StagedState::take(std::size_t task) {
  const std::vector<Piece>& pieces = plan_.tasks[task].pieces;
  Copy copy;
  copy.digests.reserve(pieces.size());
  StagingArena::Slot slot = arena_.acquire([this, task] { return tasks_[task].stage != Stage::unclaimed; });
  if (slot && claim(task)) {
    for (const Piece& piece : pieces) {
      copy.digests.push_back(copy_and_digest(state_[piece.entry], piece, slot.bytes().data() + piece.slot_offset));
    }
    check_versions(plan_.tasks[task]);
    publish(task, {});
    copy.slot = std::move(slot);
    return copy;
  }
  // Somebody else copies it. The slot goes back before the wait, or those who need it could not finish.
  slot = {};
  wait_until_staged(task);
  {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    copy.slot = std::move(tasks_[task].slot);
  }
  for (const Piece& piece : pieces) {
    // It was copied without hashing, so as to hold the trainer no longer than a copy takes.
    copy.digests.push_back(digest_of(copy.slot.bytes().subspan(piece.slot_offset, piece.bytes)));
  }
  return copy;
}

/// By claiming: whoever is at a task may finish it, and is waited for, since it reads the trainer's memory.
void StagedState::give_up() noexcept {
  fail_with_current_exception();
  for (std::size_t task = 0; task < tasks_.size(); ++task) {
    if (claim(task)) publish(task, {});
  }
}

/// A thread that is copying just then finishes its task, and its caller returns only after that: the trainer's memory
/// is used as long as that at most.
void StagedState::abandon() noexcept {
  abandoned_ = true;
  {
    const std::lock_guard lock(mutex_);
    for (TaskState& task : tasks_) task.slot = {};
  }
  staged_.notify_all();
  arena_.wake();
}

void StagedState::stage(std::size_t task, StagingArena::Slot slot) {
  try {
    for (const Piece& piece : plan_.tasks[task].pieces) {
      copy(state_[piece.entry], piece, 0, slot.bytes().subspan(piece.slot_offset, piece.bytes));
    }
    // After the copy: a change that came before it is in the copy, and must be noticed as well.
    check_versions(plan_.tasks[task]);
  } catch (...) {
    fail_with_current_exception();
  }
  publish(task, std::move(slot));
}

bool StagedState::claim(std::size_t task) noexcept {
  Stage unclaimed = Stage::unclaimed;
  return tasks_[task].stage.compare_exchange_strong(unclaimed, Stage::claimed);
}

std::size_t StagedState::claim_next(std::size_t limit) noexcept {
  while (!all_claimed(limit)) {
    const std::size_t task = first_unclaimed_;
    if (task < limit && claim(task)) return task;
  }
  return limit;
}

bool StagedState::all_claimed(std::size_t limit) noexcept {
  std::size_t first = first_unclaimed_;
  while (first < tasks_.size() && tasks_[first].stage != Stage::unclaimed) {
    // A failed exchange means that another thread has moved on, and `first` is where to.
    if (first_unclaimed_.compare_exchange_weak(first, first + 1)) ++first;
  }
  return first >= limit;
}

void StagedState::publish(std::size_t task, StagingArena::Slot slot) {
  {
    const std::lock_guard lock(mutex_);
    // After the end of the save nobody takes it: the slot goes back with this call.
    if (!abandoned_) tasks_[task].slot = std::move(slot);
    tasks_[task].stage = Stage::staged;
  }
  staged_.notify_all();
  arena_.wake();
}

void StagedState::check_versions(const Task& task) {
  for (const Piece& piece : task.pieces) {
    const TensorView& view = state_[piece.entry];
    if (!view.version || view.version() == versions_[piece.entry]) continue;
    throw Error(ErrorCode::invalid_argument, view.spec.name,
                "the tensor '" + view.spec.name +
                    "' was changed while it was being saved: call wait_staged() before the step that changes it");
  }
}

void StagedState::fail_with_current_exception() noexcept {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::current_exception();
}

void StagedState::wait_until_staged(std::size_t task) {
  std::unique_lock lock(mutex_);
  staged_.wait(lock, [&] { return abandoned_ || tasks_[task].stage == Stage::staged; });
}

}  // namespace lastgood::pipeline

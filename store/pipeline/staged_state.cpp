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

format::Digest copy_and_digest(const Piece& piece, std::byte* to) {
  format::Digester digester;
  for (std::size_t done = 0; done < piece.bytes; done += kCacheBytes) {
    const std::size_t part = std::min(kCacheBytes, piece.bytes - done);
    std::memcpy(to + done, piece.data + done, part);
    digester.update({to + done, part});
  }
  return digester.finish();
}

}  // namespace

StagedState::StagedState(std::span<const TensorView> state, const ChunkPlan& plan, StagingArena& arena)
    : state_(state), plan_(plan), arena_(arena), versions_(state.size()), tasks_(plan.tasks.size()) {
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (state[i].version) versions_[i] = state[i].version();
  }
}

void StagedState::stage_all(unsigned threads) {
  parallel_for(threads, tasks_.size(), [this](std::size_t i) {
    const auto done = [this, i] { return abandoned_ || tasks_[i].stage != Stage::unclaimed; };
    if (!done()) stage(i, arena_.acquire(done));
  });
  for (std::size_t i = 0; i < tasks_.size(); ++i) wait_until_staged(i);
}

void StagedState::stage_captured() {
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    if (!plan_.tasks[i].copy_at_capture) continue;
    const auto done = [this, i] { return abandoned_ || tasks_[i].stage != Stage::unclaimed; };
    stage(i, arena_.acquire(done));
    wait_until_staged(i);
  }
}

void StagedState::stage_while_free(unsigned threads) {
  parallel_for(threads, tasks_.size(), [this](std::size_t i) {
    if (tasks_[i].stage == Stage::unclaimed) stage(i, arena_.try_acquire());
  });
}

StagedState::Copy StagedState::take(std::size_t task) {
  const std::vector<Piece>& pieces = plan_.tasks[task].pieces;
  Copy copy;
  copy.digests.reserve(pieces.size());
  StagingArena::Slot slot = arena_.acquire([this, task] { return tasks_[task].stage != Stage::unclaimed; });
  if (slot && claim(task)) {
    for (const Piece& piece : pieces) {
      copy.digests.push_back(copy_and_digest(piece, slot.bytes().data() + piece.slot_offset));
    }
    check_versions(plan_.tasks[task]);
    publish(task, {});
    copy.slot = std::move(slot);
    return copy;
  }
  slot = {};
  wait_until_staged(task);
  {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    copy.slot = std::move(tasks_[task].slot);
  }
  for (const Piece& piece : pieces) {
    copy.digests.push_back(digest_of(copy.slot.bytes().subspan(piece.slot_offset, piece.bytes)));
  }
  return copy;
}

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
  if (!slot || !claim(task)) return;
  try {
    for (const Piece& piece : plan_.tasks[task].pieces) {
      std::memcpy(slot.bytes().data() + piece.slot_offset, piece.data, piece.bytes);
    }
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

void StagedState::publish(std::size_t task, StagingArena::Slot slot) {
  {
    const std::lock_guard lock(mutex_);
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

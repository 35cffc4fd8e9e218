// One save at a time, in the order of the calls, on one thread that the first of them starts. A null entry asks for the
// idle work alone, so that telemetry is written by the same thread and never beside a save's commit. An outcome is told
// in this order: stored, callback, those who wait, and then the session's own note of what it cost.
#include "store/save_queue.h"

#include <utility>

namespace lastgood {

SaveHandle::SaveHandle(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

/// Helps instead of waiting idly: the caller's thread copies what the save's has not come to.
void SaveHandle::wait_staged() {
  const auto job = state_->running();
  if (job) state_->block([&] { job->staged().stage_all(state_->threads); });
}

const SaveOutcome& SaveHandle::wait_durable() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->done; });
  return state_->outcome;
}

bool SaveHandle::done() const {
  const std::lock_guard lock(state_->mutex);
  return state_->done;
}

std::shared_ptr<SaveJob> SaveHandle::State::running() {
  const std::lock_guard lock(mutex);
  return job;
}

SaveOutcome SaveHandle::State::so_far() {
  const std::lock_guard lock(mutex);
  return outcome;
}

void SaveHandle::State::finish(SaveOutcome result) {
  {
    const std::lock_guard lock(mutex);
    result.blocked = outcome.blocked;
    outcome = std::move(result);
    job.reset();
    result = outcome;  // what the callback sees: `blocked` of the original may still grow
  }
  // Without the lock, since it may ask the handle; and before `done`, so that who waits finds it called.
  if (callback) callback(result);
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_all();
}

SaveQueue::~SaveQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

/// The front entry is running and stays until it is done, so order in the list is order of commits.
void SaveQueue::push(std::shared_ptr<SaveHandle::State> save) {
  {
    const std::lock_guard lock(mutex_);
    // A session that neither saves nor records has no thread.
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
    queue_.push_back(std::move(save));
  }
  changed_.notify_all();
}

void SaveQueue::wake() {
  push(nullptr);
}

void SaveQueue::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty(); });
}

void SaveQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    // It stays in front while it runs, so that drain() waits for it.
    const std::shared_ptr<SaveHandle::State> save = queue_.front();
    lock.unlock();
    if (save) {
      const std::shared_ptr<SaveJob> job = save->running();
      const auto blocked = [save] { return save->so_far().blocked; };
      save->finish(job ? job->run(save->called, blocked) : save->so_far());  // no job: it has failed before it began
      saved_(*save);
    } else {
      idle_();
    }
    lock.lock();
    queue_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace lastgood

// All signals are blocked around the thread's start: it inherits the mask, and a SIGTERM must reach a thread that runs
// code of the user's handlers as before.
#include "timeout/deadline_watch.h"

#include <signal.h>

namespace lastgood::timeout {

DeadlineWatch::DeadlineWatch(DeadlineBoard& board) : board_(board) {
  board_.ask_once();
  if (!board_.has_recurring()) return;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread inherits the mask
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

DeadlineWatch::~DeadlineWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DeadlineWatch::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const auto wait = board_.ask_due();
    lock.lock();
    woken_.wait_for(lock, wait, [this] { return ending_; });
  }
}

}  // namespace lastgood::timeout

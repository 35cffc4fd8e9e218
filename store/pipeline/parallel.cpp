#include "store/pipeline/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace lastgood::pipeline {
namespace {

/// One counter that all threads draw from, since tasks take unequal time: a compressed chunk, a hole, a match.
class Loop {
 public:
  Loop(std::size_t count, const std::function<void(std::size_t)>& body) : count_(count), body_(body) {}

  /// Every thread ends by itself: the counter runs past `count`, or a failure is seen before the next draw.
  void work() noexcept {
    for (std::size_t i = next_++; i < count_ && !failed_; i = next_++) {
      try {
        body_(i);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failed_.exchange(true)) failure_ = std::current_exception();
      }
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const std::size_t count_;
  const std::function<void(std::size_t)>& body_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

unsigned thread_count(unsigned wanted) {
  // hardware_concurrency() may be 0, where it cannot be told.
  return wanted != 0 ? wanted : std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

void parallel_for(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& body) {
  Loop loop(count, body);
  {
    std::vector<std::jthread> helpers;
    const std::size_t wanted = std::min<std::size_t>(threads, count);
    try {
      for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back([&loop] { loop.work(); });
    } catch (const std::system_error&) {
      // No more threads to be had: those that there are, the caller at least, do the work.
    }
    loop.work();
  }
  loop.rethrow();
}

}  // namespace lastgood::pipeline

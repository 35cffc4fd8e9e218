// Counts the bytes that several threads have done, and tells the caller's callback, one thread at a time. The others
// wait while it runs; where it asks to stop, the thread that heard it throws, and the loop around it ends.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include <lastgood/error.h>
#include <lastgood/progress.h>

namespace lastgood {

/// The callback runs under the meter's mutex: it may take its time, at the price of all threads, and must not use the
/// same operation's objects.
class Meter {
 public:
  /// `phase` must be a literal; `tell` must outlive the meter.
  Meter(const ProgressFn& tell, const char* phase, std::uint64_t total) : tell_(tell), phase_(phase), total_(total) {}

  /// Throws Error(cancelled) where the callback asks to stop. Safe from any thread.
  void add(std::uint64_t bytes) {
    if (!tell_) return;
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    if (!tell_({phase_, done_, total_})) {
      throw Error(ErrorCode::cancelled, phase_, std::string("the ") + phase_ + " was stopped");
    }
  }

 private:
  const ProgressFn& tell_;
  const char* phase_;
  const std::uint64_t total_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
};

}  // namespace lastgood

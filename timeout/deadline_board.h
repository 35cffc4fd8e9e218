// What all deadline sources have said, and the earliest of it.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/timeout_sources.h>

namespace lastgood::timeout {

using WarnFn = std::function<void(const std::string&)>;

/// Safe from any thread; asks from one thread at a time.
class DeadlineBoard {
 public:
  /// `warn` is told of a source that cannot tell, once until it says something else. Not null.
  DeadlineBoard(const Machine& machine, DeadlineSources sources, WarnFn warn);

  /// Asks those that are asked once, and have not been.
  void ask_once();
  /// Whether there are any that are asked again and again.
  bool has_recurring() const;
  /// Asks those of them whose time has come. How long until the next one is due, an hour at most.
  std::chrono::nanoseconds ask_due();

  /// One atomic load; BootTime::max() where no end is known.
  BootTime earliest() const noexcept { return earliest_.load(std::memory_order_acquire); }
  /// The same with its source and in words.
  std::optional<Deadline> deadline() const;

 private:
  struct Entry {
    std::unique_ptr<DeadlineSource> source;
    std::optional<Deadline> said = {};
    BootTime due = {};
    bool asked = false;
    std::string trouble = {};
  };

  void ask(Entry& entry);
  void publish();

  const Machine& machine_;
  WarnFn warn_;
  std::mutex asking_;  // held for as long as a source takes
  std::vector<Entry> entries_;
  mutable std::mutex mutex_;  // over deadline_
  std::optional<Deadline> deadline_;
  std::atomic<BootTime> earliest_{BootTime::max()};
};

}  // namespace lastgood::timeout

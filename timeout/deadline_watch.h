// The thread that asks the sources which may change their mind: a metadata service that does not answer, or a slow
// scheduler, must not hold a training step.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "timeout/deadline_board.h"

namespace lastgood::timeout {

class DeadlineWatch {
 public:
  /// Asks what is asked once before it returns. The thread is started only where a source wants it, and takes no
  /// signal.
  explicit DeadlineWatch(DeadlineBoard& board);
  /// Waits for a question under way.
  ~DeadlineWatch();
  DeadlineWatch(const DeadlineWatch&) = delete;
  DeadlineWatch& operator=(const DeadlineWatch&) = delete;

 private:
  void run();

  DeadlineBoard& board_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace lastgood::timeout

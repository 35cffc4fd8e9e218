// A long operation as the user sees it: a line of progress on a terminal, and Ctrl-C that stops it cleanly.
#pragma once

#include <chrono>
#include <string>

#include <lastgood/progress.h>

namespace lastgood::cli {

struct Context;

/// While one lives, the first SIGINT, SIGTERM or SIGHUP asks the operation to stop at the next safe point; a second
/// one ends the process at once, from which the store recovers as from a crash. One at a time.
class LongOperation {
 public:
  explicit LongOperation(const Context& context);
  ~LongOperation();
  LongOperation(const LongOperation&) = delete;
  LongOperation& operator=(const LongOperation&) = delete;

  /// For the library; must not outlive this object. Draws nothing with --quiet, or where standard error is no terminal;
  /// signals are answered all the same.
  ProgressFn progress();

 private:
  bool update(const Progress& progress);
  void draw(const Progress& progress, std::chrono::steady_clock::time_point now);

  bool shows_;
  bool drawn_ = false;
  std::string phase_;
  std::chrono::steady_clock::time_point phase_began_;
  std::chrono::steady_clock::time_point last_drawn_;
};

}  // namespace lastgood::cli

// The terminal as a screen of its own, and signals as answers to a wait.
#pragma once

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/watch_screen.h"

namespace lastgood::cli {

/// True where standard output is a terminal that can be drawn on.
bool is_screen();

/// Of standard output; 80 x 24 where nobody knows.
ScreenSize terminal_size();

/// The alternate screen without a cursor; what was there before comes back with the destructor, and also where a signal
/// ends the process meanwhile (all but SIGKILL). One at a time, for one thread.
class TerminalScreen {
 public:
  TerminalScreen();
  ~TerminalScreen();
  TerminalScreen(const TerminalScreen&) = delete;
  TerminalScreen& operator=(const TerminalScreen&) = delete;

  /// Draws over what was drawn before, without clearing it first: nothing flickers. Lines that do not fit are the
  /// caller's mistake. Errors: those of Output::finish().
  void draw(Output& out, const std::vector<std::string>& lines, ScreenSize size);

  /// Gives the terminal back, stops the process as Ctrl-Z does, and takes the terminal again when it goes on.
  void suspend();
};

/// While one lives, SIGINT, SIGTERM and SIGHUP (unless the parent had them ignored) wait for wait(); so does, for a
/// screen, what stops the process or changes the terminal's size.
class SignalWait {
 public:
  enum class Woken { time, stop, redraw, suspend };

  explicit SignalWait(bool screen);
  ~SignalWait();
  SignalWait(const SignalWait&) = delete;
  SignalWait& operator=(const SignalWait&) = delete;

  /// Until then, or until a signal comes, which may have come before.
  Woken wait(std::chrono::steady_clock::time_point until) const;

 private:
  sigset_t awaited_;
  sigset_t before_;
};

}  // namespace lastgood::cli

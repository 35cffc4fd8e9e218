// The command on a terminal of its own, as a job that a shell runs in the foreground: keys and signals reach it as they
// would there.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>

#include "tests/cli/command.h"

namespace lastgood::test {

class TerminalProcess {
 public:
  /// Starts the program that the first word is the path of. NO_COLOR and LASTGOOD_STORE are unset, TERM is xterm, the
  /// locale UTF-8.
  TerminalProcess(const Words& words, unsigned short columns, unsigned short rows);
  ~TerminalProcess();
  TerminalProcess(const TerminalProcess&) = delete;
  TerminalProcess& operator=(const TerminalProcess&) = delete;

  /// Reads on until the output that was not yet waited for contains `text`, and gives it back up to there and with it.
  /// Fails the test where the process ends before.
  std::string read_until(const std::string& text);
  /// Reads on until nobody has the terminal open any more.
  std::string read_rest();

  /// As if typed: "\x03" is Ctrl-C, "\x1a" Ctrl-Z.
  void type(const std::string& keys) const;
  void resize(unsigned short columns, unsigned short rows) const;
  void signal(int number) const;
  termios modes() const;

  /// What waitpid() says when the process ends or is stopped next.
  int wait_for_status() const;

 private:
  int read_number() const;

  int terminal_ = -1;
  int reports_ = -1;
  pid_t shell_ = -1;
  pid_t process_ = -1;
  std::string unread_;
};

}  // namespace lastgood::test

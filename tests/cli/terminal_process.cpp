#include "tests/cli/terminal_process.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>

namespace lastgood::test {

namespace {

[[noreturn]] void become(const Words& words) {
  for (const char* name : {"LASTGOOD_STORE", "NO_COLOR"}) unsetenv(name);
  setenv("TERM", "xterm", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

void report(int to, int number) {
  if (::write(to, &number, sizeof number) != sizeof number) _exit(126);
}

/// What a shell does with a job: a process group of its own, which has the terminal, and a wait for its end and stops.
/// Nothing here but system calls: it is a child after fork.
[[noreturn]] void be_the_shell(const Words& words, int reports) {
  // Its own change of the foreground must not stop it.
  ::signal(SIGTTOU, SIG_IGN);
  const pid_t job = fork();
  if (job == 0) {
    setpgid(0, 0);
    tcsetpgrp(STDIN_FILENO, getpid());
    ::signal(SIGTTOU, SIG_DFL);
    become(words);
  }
  setpgid(job, job);
  report(reports, job);
  int status = 0;
  do {
    if (waitpid(job, &status, WUNTRACED) != job) _exit(126);
    report(reports, status);
  } while (WIFSTOPPED(status));
  _exit(0);
}

}  // namespace

TerminalProcess::TerminalProcess(const Words& words, unsigned short columns, unsigned short rows) {
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  shell_ = forkpty(&terminal_, nullptr, nullptr, &size);
  REQUIRE(shell_ >= 0);
  if (shell_ == 0) be_the_shell(words, ends[1]);
  fcntl(terminal_, F_SETFD, FD_CLOEXEC);
  close(ends[1]);
  reports_ = ends[0];
  process_ = read_number();
}

TerminalProcess::~TerminalProcess() {
  // Whatever a failed test has left behind.
  kill(-process_, SIGKILL);
  kill(shell_, SIGKILL);
  waitpid(shell_, nullptr, 0);
  close(terminal_);
  close(reports_);
}

std::string TerminalProcess::read_until(const std::string& text) {
  for (;;) {
    if (const auto at = unread_.find(text); at != std::string::npos) {
      const std::string read = unread_.substr(0, at + text.size());
      unread_.erase(0, read.size());
      return read;
    }
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(terminal_, buffer.data(), buffer.size());
    INFO("waiting for \"" << text << "\", it wrote: " << unread_);
    REQUIRE(count > 0);
    unread_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string TerminalProcess::read_rest() {
  std::array<char, 4096> buffer{};
  for (ssize_t count; (count = ::read(terminal_, buffer.data(), buffer.size())) > 0;) {
    unread_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return std::exchange(unread_, {});
}

void TerminalProcess::type(const std::string& keys) const {
  REQUIRE(::write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
}

void TerminalProcess::resize(unsigned short columns, unsigned short rows) const {
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  REQUIRE(ioctl(terminal_, TIOCSWINSZ, &size) == 0);
}

void TerminalProcess::signal(int number) const {
  REQUIRE(kill(process_, number) == 0);
}

termios TerminalProcess::modes() const {
  termios modes{};
  REQUIRE(tcgetattr(terminal_, &modes) == 0);
  return modes;
}

int TerminalProcess::wait_for_status() const {
  return read_number();
}

int TerminalProcess::read_number() const {
  int number = 0;
  REQUIRE(::read(reports_, &number, sizeof number) == sizeof number);
  return number;
}

}  // namespace lastgood::test

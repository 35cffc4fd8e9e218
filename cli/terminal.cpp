// Sequences are those of ECMA-48 and of xterm's "ctlseqs", which every terminal of today knows: 1049 is the alternate
// screen, 25 the cursor, 2026 a frame that is shown as a whole (others ignore it).
#include "cli/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "cli/text.h"

namespace lastgood::cli {

namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr std::string_view kFrameBegins = "\x1b[?2026h\x1b[H";
constexpr std::string_view kFrameEnds = "\x1b[J\x1b[H\x1b[?2026l";
constexpr std::string_view kEraseRest = "\x1b[K";

// What ends the process by default, and is not waited for.
constexpr std::array kFatal = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU};
std::array<struct sigaction, kFatal.size()> fatal_before;

constexpr std::array kStop = {SIGINT, SIGTERM, SIGHUP};

/// Also from a handler. Of a terminal that is gone, nobody is left to be told.
void send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Async-signal-safe: write and raise alone.
void leave_and_die(int signal) {
  send(kLeave);
  raise(signal);  // by default now: SA_RESETHAND
}

bool is_ignored(int signal) {
  struct sigaction current {};
  sigaction(signal, nullptr, &current);
  return current.sa_handler == SIG_IGN;
}

}  // namespace

bool is_screen() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

ScreenSize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

TerminalScreen::TerminalScreen() {
  struct sigaction action {};
  action.sa_handler = leave_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (std::size_t i = 0; i < kFatal.size(); ++i) sigaction(kFatal[i], &action, &fatal_before[i]);
  send(kEnter);
}

TerminalScreen::~TerminalScreen() {
  send(kLeave);
  for (std::size_t i = 0; i < kFatal.size(); ++i) sigaction(kFatal[i], &fatal_before[i], nullptr);
}

void TerminalScreen::draw(Output& out, const std::vector<std::string>& lines, ScreenSize size) {
  out.write(kFrameBegins);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) out.write("\r\n");
    out.write(lines[i]);
    // Behind the last column it would erase that one.
    if (painted_width(lines[i]) < size.columns) out.write(kEraseRest);
  }
  out.write(kFrameEnds);
  out.finish();
}

// Ctrl-Z is blocked while SignalWait lives, so the stop is raised and let through here, at a moment when the terminal
// has been given back.
void TerminalScreen::suspend() {
  send(kLeave);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);  // stops here
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  send(kEnter);
}

SignalWait::SignalWait(bool screen) {
  sigemptyset(&awaited_);
  for (const int signal : kStop) {
    // A blocked signal is kept even where it is ignored; what the parent made us ignore (nohup) stays ignored.
    if (!is_ignored(signal)) sigaddset(&awaited_, signal);
  }
  if (screen) {
    for (const int signal : {SIGWINCH, SIGCONT, SIGTSTP}) sigaddset(&awaited_, signal);
  }
  sigprocmask(SIG_BLOCK, &awaited_, &before_);
}

SignalWait::~SignalWait() {
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

SignalWait::Woken SignalWait::wait(std::chrono::steady_clock::time_point until) const {
  using std::chrono::nanoseconds, std::chrono::seconds;
  for (;;) {
    const nanoseconds left = std::max<nanoseconds>(until - std::chrono::steady_clock::now(), nanoseconds::zero());
    const seconds whole = std::chrono::duration_cast<seconds>(left);
    const timespec limit{.tv_sec = whole.count(), .tv_nsec = (left - whole).count()};
    switch (sigtimedwait(&awaited_, nullptr, &limit)) {
      case SIGINT:
      case SIGTERM:
      case SIGHUP: return Woken::stop;
      case SIGWINCH:
      case SIGCONT: return Woken::redraw;
      case SIGTSTP: return Woken::suspend;
      default:
        if (errno == EAGAIN) return Woken::time;
    }
  }
}

}  // namespace lastgood::cli

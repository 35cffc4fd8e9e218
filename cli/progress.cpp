// Ctrl-C only raises a flag, and the operation's next progress report answers it: the library then stops where the
// store is whole, and the command can say what was done. Progress is drawn on standard error, so that it never mixes
// with data, and at most ten times a second, so that a fast operation is not slowed down by its terminal.
#include "cli/progress.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "cli/context.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr double kSecondsBeforeEstimate = 0.5;

// Lock-free, so that a handler may write it and any thread read it.
std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void request_stop(int) {
  stop_requested = true;
}

// SIGHUP too: a terminal that closes must not end a collection anywhere but at a safe point.
void catch_stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  for (const int signal : kStopSignals) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    // What the parent made us ignore (nohup) stays ignored.
    if (before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = request_stop;
    // Once: the next one ends the process, even where the operation does not get to a safe point.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(signal, &action, nullptr);
    sigaddset(&stop, signal);
  }
  // A parent that blocks the signal does not mean that nobody may stop us.
  sigprocmask(SIG_UNBLOCK, &stop, nullptr);
}

void release_stop_signals() {
  for (const int signal : kStopSignals) {
    struct sigaction current {};
    sigaction(signal, nullptr, &current);
    // Not where it was ignored from the start, nor where it has fired and is default already.
    if (current.sa_handler == request_stop) ::signal(signal, SIG_DFL);
  }
}

/// "verify   45 %  1.20 GiB of 2.60 GiB  1.10 GiB/s  2s left"
std::string progress_line(const Progress& progress, double seconds) {
  std::string line = escape(progress.phase);
  const double done = static_cast<double>(progress.bytes_done), total = static_cast<double>(progress.bytes_total);
  if (progress.bytes_total != 0) {
    char share[16];
    std::snprintf(share, sizeof share, "  %3.0f %%", std::min(100.0, 100 * done / total));
    line += share;
  }
  line += "  " + human_bytes(progress.bytes_done);
  if (progress.bytes_total != 0) line += " of " + human_bytes(progress.bytes_total);
  if (seconds < kSecondsBeforeEstimate || progress.bytes_done == 0) return line;
  const double rate = done / seconds;
  line += "  " + human_bytes(static_cast<std::uint64_t>(rate)) + "/s";
  if (progress.bytes_total > progress.bytes_done) {
    const std::chrono::duration<double> left((total - done) / rate);
    line += "  " + human_duration(std::chrono::duration_cast<std::chrono::milliseconds>(left)) + " left";
  }
  return line;
}

}  // namespace

LongOperation::LongOperation(const Context& context)
    : shows_(!context.quiet && isatty(STDERR_FILENO) == 1), phase_began_(Clock::now()) {
  catch_stop_signals();
}

LongOperation::~LongOperation() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  release_stop_signals();
}

ProgressFn LongOperation::progress() {
  return [this](const Progress& progress) { return update(progress); };
}

/// Called from the library's threads, one at a time.
bool LongOperation::update(const Progress& progress) {
  if (shows_) {
    const auto now = Clock::now();
    // Rates and estimates are of the phase: hashing is not as fast as writing.
    if (progress.phase != phase_) {
      phase_ = progress.phase;
      phase_began_ = now;
    }
    if (!drawn_ || now - last_drawn_ >= kRedrawEvery) draw(progress, now);
  }
  return !stop_requested;
}

void LongOperation::draw(const Progress& progress, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - phase_began_).count();
  const std::string line = "\r" + progress_line(progress, seconds) + "\x1b[K";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  last_drawn_ = now;
  drawn_ = true;
}

}  // namespace lastgood::cli

// What the handler does is limited to what POSIX calls async-signal-safe: lock-free atomics, a clock, getpid, sigaction
// and raise. It allocates nothing, takes no lock and keeps errno.
#include "timeout/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

#include <lastgood/error.h>

namespace lastgood::timeout {
namespace {

/// What a handler writes: lock-free, and `at` before `signal`, by which it is read.
struct Flag {
  std::atomic<std::int64_t> at{0};
  std::atomic<int> signal{0};

  void raise(int number) noexcept {
    if (signal.load(std::memory_order_relaxed) != 0) return;
    at.store(BootClock::now().time_since_epoch().count(), std::memory_order_relaxed);
    signal.store(number, std::memory_order_release);
  }
  std::optional<Notice> read() const noexcept {
    const int number = signal.load(std::memory_order_acquire);
    if (number == 0) return std::nullopt;
    return Notice{number, BootTime(std::chrono::nanoseconds(at.load(std::memory_order_relaxed)))};
  }
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

struct Slot {
  int signal;
  struct sigaction before = {};
  bool installed = false;
};

Flag stop_flag, warning_flag;
std::atomic<int> interrupts{0};
std::atomic<pid_t> owner{0};
std::array<Slot, 4> slots = {Slot{SIGTERM}, Slot{SIGINT}, Slot{SIGUSR1}, Slot{SIGUSR2}};

std::mutex mutex;  // over slots and watches, but not for the handler
int watches = 0;

Slot* slot_of(int signal) noexcept {
  for (Slot& slot : slots) {
    if (slot.signal == signal) return &slot;
  }
  return nullptr;
}

/// Takes effect when the handler returns, which until then blocks the signal.
void die_of(int signal, const struct sigaction& action) noexcept {
  sigaction(signal, &action, nullptr);
  raise(signal);
}

void on_signal(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const Slot* const slot = slot_of(signal);
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  if (getpid() != owner.load(std::memory_order_relaxed)) {
    die_of(signal, slot->before);
  } else if (signal == SIGINT && interrupts.fetch_add(1) > 0) {
    die_of(signal, standard);
  } else {
    (signal == SIGTERM || signal == SIGINT ? stop_flag : warning_flag).raise(signal);
    if ((slot->before.sa_flags & SA_SIGINFO) != 0) {
      slot->before.sa_sigaction(signal, info, context);
    } else if (slot->before.sa_handler != SIG_DFL) {
      slot->before.sa_handler(signal);
    }
  }
  errno = error;
}

/// A handler that was there before is called by ours, so whoever had one keeps being told.
void install(Slot& slot) {
  // First the one, then the other: the handler may run as soon as it is installed.
  sigaction(slot.signal, nullptr, &slot.before);
  const bool plain = (slot.before.sa_flags & SA_SIGINFO) == 0;
  if (plain && slot.before.sa_handler == SIG_IGN) return;
  struct sigaction ours = {};
  ours.sa_sigaction = &on_signal;
  ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  sigaction(slot.signal, &ours, nullptr);
  slot.installed = true;
}

void uninstall(Slot& slot) {
  if (!slot.installed) return;
  struct sigaction now = {};
  sigaction(slot.signal, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &on_signal) {
    sigaction(slot.signal, &slot.before, nullptr);
  }
  slot.installed = false;
}

void begin_anew() {
  owner = getpid();
  interrupts = 0;
  stop_flag.signal = 0;
  warning_flag.signal = 0;
}

}  // namespace

SignalWatch::SignalWatch(const std::vector<int>& signals) {
  for (const int signal : signals) {
    if (slot_of(signal) == nullptr) {
      throw Error(ErrorCode::invalid_argument, signal_name(signal),
                  signal_name(signal) + " cannot be watched: SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 can");
    }
  }
  const std::lock_guard lock(mutex);
  if (watches++ == 0) begin_anew();
  for (const int signal : signals) {
    Slot& slot = *slot_of(signal);
    if (!slot.installed) install(slot);
  }
}

SignalWatch::~SignalWatch() {
  const std::lock_guard lock(mutex);
  if (--watches > 0) return;
  for (Slot& slot : slots) uninstall(slot);
}

std::optional<Notice> SignalWatch::stop() const noexcept {
  return stop_flag.read();
}

std::optional<Notice> SignalWatch::warning() const noexcept {
  return warning_flag.read();
}

std::string signal_name(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace lastgood::timeout

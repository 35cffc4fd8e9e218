// Signals: flags, chains, and children in which the real thing happens.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/thrown_error.h"
#include "timeout/signals.h"

using namespace lastgood;
using namespace lastgood::test;
using namespace lastgood::timeout;

namespace {

const std::vector<int> kAll = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};

volatile sig_atomic_t chained = 0;
void plain_handler(int signal) {
  chained = signal;
}
void informed_handler(int signal, siginfo_t* info, void*) {
  chained = info->si_pid == getpid() ? signal : -1;
}

/// Puts back what was installed before it.
struct Installed {
  int signal;
  struct sigaction before = {};
  Installed(int number, void (*handler)(int)) : signal(number) {
    struct sigaction action = {};
    action.sa_handler = handler;
    sigaction(signal, &action, &before);
  }
  ~Installed() { sigaction(signal, &before, nullptr); }
  Installed(const Installed&) = delete;
  Installed& operator=(const Installed&) = delete;
};

/// Without the handlers of the test framework's own.
struct Fixture {
  Installed terminate{SIGTERM, SIG_DFL}, interrupt{SIGINT, SIG_DFL}, user_1{SIGUSR1, SIG_DFL}, user_2{SIGUSR2, SIG_DFL};
};

void (*handler_of(int signal))(int) {
  struct sigaction now = {};
  sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

/// The status with which a child ends that runs `body`, and exits with what that returns.
template <class Body>
int status_of_child(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "A signal sets a flag, with the time at which it came") {
  const SignalWatch watch(kAll);
  CHECK_FALSE(watch.stop());
  CHECK_FALSE(watch.warning());
  const BootTime before = BootClock::now();
  raise(SIGUSR1);
  const BootTime after = BootClock::now();
  REQUIRE(watch.warning());
  CHECK(watch.warning()->signal == SIGUSR1);
  CHECK(watch.warning()->at >= before);
  CHECK(watch.warning()->at <= after);
  CHECK_FALSE(watch.stop());
  raise(SIGTERM);
  REQUIRE(watch.stop());
  CHECK(watch.stop()->signal == SIGTERM);
  const auto first = watch.stop();
  raise(SIGINT);
  CHECK(watch.stop() == first);
}

TEST_CASE_METHOD(Fixture, "What was installed before is called, and comes back with the last watch") {
  chained = 0;
  const Installed plain(SIGUSR1, plain_handler);
  struct sigaction action = {};
  action.sa_sigaction = informed_handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR2, &action, nullptr);
  {
    const SignalWatch outer(kAll);
    { const SignalWatch inner({SIGTERM}); }
    raise(SIGUSR1);
    CHECK(chained == SIGUSR1);
    raise(SIGUSR2);
    CHECK(chained == SIGUSR2);
    CHECK(outer.warning()->signal == SIGUSR1);
  }
  CHECK(handler_of(SIGUSR1) == plain_handler);
  CHECK(handler_of(SIGTERM) == SIG_DFL);
  const SignalWatch anew(kAll);
  CHECK_FALSE(anew.warning());
}

TEST_CASE_METHOD(Fixture, "What somebody installs later stays, also after the watch") {
  {
    const SignalWatch watch(kAll);
    signal(SIGUSR1, plain_handler);
  }
  CHECK(handler_of(SIGUSR1) == plain_handler);
}

TEST_CASE_METHOD(Fixture, "A signal that is ignored stays ignored") {
  const Installed ignored(SIGINT, SIG_IGN);
  const SignalWatch watch(kAll);
  raise(SIGINT);
  CHECK_FALSE(watch.stop());
}

TEST_CASE_METHOD(Fixture, "Only signals that ask for an end can be watched") {
  CHECK(thrown_by([] { SignalWatch watch({SIGTERM, SIGSEGV}); }).subject() == "SIGSEGV");
  const SignalWatch none({});
  CHECK(handler_of(SIGTERM) == SIG_DFL);
}

TEST_CASE_METHOD(Fixture, "The second SIGINT ends the process at once, as one that nobody caught") {
  const int status = status_of_child([] {
    const SignalWatch watch(kAll);
    raise(SIGINT);
    if (!watch.stop()) return 1;
    raise(SIGINT);
    return 2;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
}

TEST_CASE_METHOD(Fixture, "Two SIGTERM are one") {
  CHECK(status_of_child([] {
          const SignalWatch watch(kAll);
          raise(SIGTERM);
          raise(SIGTERM);
          return watch.stop() ? 0 : 1;
        }) == 0);
}

TEST_CASE_METHOD(Fixture, "A child that inherits the handlers dies of a signal as it would have without them") {
  const SignalWatch watch(kAll);
  const int status = status_of_child([] {
    raise(SIGTERM);
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
  CHECK_FALSE(watch.stop());
}

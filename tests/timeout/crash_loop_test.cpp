// Runs that die again and again: real processes, killed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include <catch2/catch.hpp>

#include "tests/timeout/timed_trainer.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

struct Crashing : TimedTrainer {
  Crashing() { session.reset(); }

  /// A process that resumes, trains up to `last_step`, and is killed before it saves.
  void die_at(Step last_step) const {
    const pid_t child = fork();
    if (child == 0) {
      // Another program altogether: SQLite does not survive a fork.
      setenv("LASTGOOD_TEST_STORE", (dir / "store").c_str(), 1);
      setenv("LASTGOOD_TEST_STEP", std::to_string(last_step).c_str(), 1);
      execl("/proc/self/exe", "timeout_tests", "[.dies]", nullptr);
      _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
  }

  std::optional<ResumeInfo> resume(ResumeOptions with = {}, TimeoutTarget on = {}) {
    restart();
    options.resume = with;
    if (!on.restore) on = target();
    return handler(on).auto_resume();
  }

  /// Ten healthy checkpoints, 100 steps apart; the ids are 1 to 10.
  void train(Stability stability = Stability::stable) {
    session = std::make_unique<Session>(store.start_session("demo"));
    for (Step step = 100; step <= 1000; step += 100) {
      session->record(Observation{.step = step, .loss = 1, .health = Health::healthy});
      save(step, stability);
    }
    session.reset();
  }
};

}  // namespace

TEST_CASE("A process of its own, which the tests below start", "[.dies]") {
  const FakeMachine machine;
  Store store = Store::open(std::getenv("LASTGOOD_TEST_STORE"));
  Session session = store.start_session("demo");
  TimeoutOptions options;
  options.signals = {};
  options.machine = &machine;
  TimeoutTarget target;
  target.restore = [](const CheckpointInfo&) {};
  TimeoutHandler timeout(store, session, target, std::move(options));
  const auto from = timeout.auto_resume();
  const Step last_step = std::stoll(std::getenv("LASTGOOD_TEST_STEP"));
  for (Step step = from->step + 1; step <= last_step; ++step) {
    session.record(Observation{.step = step, .loss = 1});
    timeout.check_timeout();
  }
  // What was handed over is written before the end: a test must not race with the session's thread.
  session.record(Recovery{.step = last_step, .failure = "none", .action = "none"});
  kill(getpid(), SIGKILL);
}

TEST_CASE_METHOD(Crashing, "Two crashes are none that is worth a word, three at one step are a loop by name") {
  train();
  for (int i = 0; i < 2; ++i) die_at(1036);
  CHECK_FALSE(resume()->crash_loop);
  session.reset();  // goes, without training anything
  CHECK_FALSE(resume()->crash_loop);
}

TEST_CASE_METHOD(Crashing, "A run that dies at one step is named, with what to try, and goes on as always") {
  train();
  for (int i = 0; i < 3; ++i) die_at(1036);
  const auto from = resume();
  REQUIRE(from);
  CHECK(from->step == 1000);
  REQUIRE(from->crash_loop);
  const CrashLoop& loop = *from->crash_loop;
  CHECK(loop.from == CheckpointId{10});
  CHECK(loop.deaths == 3);
  CHECK(loop.step == 1037);
  CHECK(loop.older == CheckpointId{9});
  CHECK_THAT(loop.advice, Contains("dies at step 1037") && Contains("skip_batches") && Contains("checkpoint 9"));
  session.reset();
  REQUIRE(events("crash_loop").size() == 1);
  CHECK(events("crash_loop")[0].severity == Severity::critical);
}

TEST_CASE_METHOD(Crashing, "One that comes to different steps makes no progress, and is told to save more often") {
  train();
  for (const Step step : {1010, 1036, 1021}) die_at(step);
  const auto from = resume();
  REQUIRE(from->crash_loop);
  CHECK_FALSE(from->crash_loop->step);
  CHECK_THAT(from->crash_loop->advice, Contains("no progress") && Contains("Save more often"));
}

TEST_CASE_METHOD(Crashing, "On request the older proven checkpoint is taken") {
  train();
  for (int i = 0; i < 3; ++i) die_at(1036);
  const auto from = resume({.on_crash_loop = CrashLoopAction::older_checkpoint, .proven_after = 300});
  CHECK(from->checkpoint == CheckpointId{7});
  CHECK(weight == 700);
  REQUIRE(from->passed_over.size() == 3);
  CHECK_THAT(from->passed_over[0].why, Contains("dies after it"));
  CHECK(session->head()->id == CheckpointId{7});
}

TEST_CASE_METHOD(Crashing, "Where none is proven the head is gone on with, and the advice says so") {
  train(Stability::unknown);
  for (int i = 0; i < 3; ++i) die_at(1036);
  const auto from = resume({.on_crash_loop = CrashLoopAction::older_checkpoint});
  CHECK(from->step == 1000);
  CHECK_FALSE(from->crash_loop->older);
  CHECK_THAT(from->crash_loop->advice, Contains("no older checkpoint is proven"));
}

TEST_CASE_METHOD(Crashing, "A stable checkpoint that led to a critical step is not proven") {
  session = std::make_unique<Session>(store.start_session("demo"));
  const CheckpointId first = save(100, Stability::stable);
  save(300, Stability::stable);
  session->record(Observation{.step = 350, .health = Health::critical});
  save(500, Stability::stable);
  session.reset();
  for (int i = 0; i < 3; ++i) die_at(507);
  CHECK(resume()->crash_loop->older == first);
}

TEST_CASE_METHOD(Crashing, "On request the batches up to the step are skipped") {
  train();
  for (int i = 0; i < 3; ++i) die_at(1036);
  std::pair<Step, Step> skipped{0, 0};
  bool can = true;
  TimeoutTarget on = target();
  on.skip_batches = [&](Step first, Step last) {
    skipped = {first, last};
    return can;
  };
  const ResumeOptions skip{.on_crash_loop = CrashLoopAction::skip_batches};
  SECTION("where the trainer can") {
    const auto from = resume(skip, on);
    CHECK(from->step == 1000);
    CHECK(from->skipped_to == 1037);
    CHECK(skipped == std::pair<Step, Step>{1001, 1037});
  }
  SECTION("and it is told where it cannot") {
    can = false;
    CHECK_FALSE(resume(skip, on)->skipped_to);
  }
  SECTION("and nothing is skipped where nobody can say how") {
    CHECK_FALSE(resume(skip)->skipped_to);
  }
}

TEST_CASE_METHOD(Crashing, "A checkpoint ends a series of deaths, and so does a session that was interrupted") {
  train();
  for (int i = 0; i < 2; ++i) die_at(1036);
  restart();
  SECTION("a checkpoint") {
    save(1050);
    session.reset();
    die_at(1080);
    die_at(1080);
    CHECK_FALSE(resume()->crash_loop);
    session.reset();
  }
  SECTION("an interruption") {
    session.reset();
    die_at(1036);
    CHECK_FALSE(resume()->crash_loop);
  }
}

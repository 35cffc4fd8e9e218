// The handler as its users see it: defaults, keys, exactly 30:00, saving until the end, signals.
#include <signal.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/thrown_error.h"
#include "tests/timeout/timed_trainer.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

std::vector<std::string> keys_of(const nlohmann::ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

/// A session of twelve hours, of which one has passed: the machine is a Colab one, up since an hour.
struct OnColab : TimedTrainer {
  OnColab() { machine.variables["COLAB_RELEASE_TAG"] = "release"; }
};

/// Ignores the signals while the test's own watch is not there.
struct Quiet {
  struct sigaction before = {};
  int signal;
  explicit Quiet(int number) : signal(number) {
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, &before);
  }
  ~Quiet() { sigaction(signal, &before, nullptr); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

}  // namespace

TEST_CASE("The options have the reference's defaults") {
  const TimeoutOptions colab = ColabTimeoutHandler::default_options();
  CHECK(colab.session_duration_hours == 12.0);
  CHECK(colab.warning_threshold_minutes == 30);
  CHECK(colab.check_interval_seconds == 60);
  CHECK(colab.enable_auto_resume);
  const TimeoutOptions general;
  CHECK_FALSE(general.session_duration_hours);
  CHECK(general.warning_threshold_minutes == 30);
  CHECK(general.signals == std::vector<int>{SIGTERM, SIGINT, SIGUSR1, SIGUSR2});
}

TEST_CASE_METHOD(TimedTrainer, "Options that make no sense are refused by name") {
  const auto refused = [&](auto change) {
    options = default_options();
    change(options);
    const Error error = thrown_by([&] { handler(); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    return error.subject();
  };
  const double nan = std::nan("");
  CHECK(refused([](auto& o) { o.session_duration_hours = 0; }) == "session_duration_hours");
  CHECK(refused([&](auto& o) { o.session_duration_hours = nan; }) == "session_duration_hours");
  CHECK(refused([](auto& o) { o.warning_threshold_minutes = -1; }) == "warning_threshold_minutes");
  CHECK(refused([](auto& o) { o.check_interval_seconds = 0; }) == "check_interval_seconds");
  CHECK(refused([&](auto& o) { o.signal_grace_seconds = nan; }) == "signal_grace_seconds");
  CHECK(refused([](auto& o) { o.drain_seconds = -1; }) == "drain_seconds");
  CHECK(refused([](auto& o) { o.machine = nullptr; }) == "machine");
  CHECK(refused([](auto& o) { o.resume.crash_loop_sessions = 1; }) == "resume.crash_loop_sessions");
  CHECK(refused([](auto& o) { o.signals = {SIGKILL}; }) == "SIGKILL");
}

TEST_CASE_METHOD(OnColab, "A save is due at exactly 30:00, and not a nanosecond before") {
  TimeoutHandler timeout = handler();
  machine.pass(10h + 30min - 1ns);
  CHECK_FALSE(timeout.should_save_emergency_checkpoint());
  TimeoutCheck check = timeout.check_timeout();
  CHECK_FALSE(check.should_save);
  CHECK_FALSE(check.warning_issued);
  CHECK(check.remaining_minutes == Approx(30));
  CHECK(check.elapsed_minutes == Approx(11.5 * 60));
  CHECK(check.is_colab);
  machine.pass(1ns);
  CHECK(timeout.get_remaining_time() == 30min);
  CHECK(timeout.get_elapsed_time() == 11h + 30min);
  CHECK(timeout.should_save_emergency_checkpoint());
  check = timeout.check_timeout();
  CHECK(check.should_save);
  CHECK(check.warning_issued);
  CHECK_FALSE(check.should_stop);
}

TEST_CASE_METHOD(OnColab, "The time left is never negative, and an end that has passed stops the training") {
  TimeoutHandler timeout = handler();
  machine.pass(20h);
  CHECK(timeout.get_remaining_time() == 0ns);
  CHECK(timeout.check_timeout().remaining_minutes == 0);
  timeout.save_emergency_checkpoint(1, 0);
  CHECK(timeout.check_timeout().should_stop);
}

TEST_CASE_METHOD(TimedTrainer, "Outside of Colab a duration that is given counts all the same") {
  machine.add_process("self", 1800s);  // half an hour ago
  options.session_duration_hours = 12;
  TimeoutHandler timeout = handler();
  CHECK(timeout.get_elapsed_time() == 30min);
  CHECK(timeout.get_remaining_time() == 11h + 30min);
  CHECK_FALSE(timeout.check_timeout().is_colab);
  CHECK(timeout.get_deadline()->source == "duration");
}

TEST_CASE_METHOD(TimedTrainer, "Where no end is known the time left is infinite, and nothing is ever due") {
  TimeoutHandler timeout = handler();
  machine.pass(1000h);
  const TimeoutCheck check = timeout.check_timeout();
  CHECK(check.remaining_minutes == std::numeric_limits<double>::infinity());
  CHECK_FALSE(check.should_save);
  CHECK_FALSE(check.should_stop);
  CHECK_FALSE(timeout.get_deadline());
  CHECK(timeout.get_remaining_time() == std::chrono::nanoseconds::max());
}

TEST_CASE_METHOD(OnColab, "Of the platform's end and others the earliest wins") {
  machine.variables["SLURM_JOB_END_TIME"] = std::to_string(1'795'521'600 + 7200);
  options.sources.push_back(duration_limit(machine.now(), 3h));
  TimeoutHandler timeout = handler();
  CHECK(timeout.get_remaining_time() == 2h);
  CHECK(timeout.get_deadline()->source == "slurm");
}

TEST_CASE_METHOD(OnColab, "Saves go on after the first emergency one, until nothing more fits") {
  machine.pass(10h + 20min);
  TimeoutHandler timeout = handler();
  std::vector<std::chrono::seconds> saved_at;
  Step step = 100;
  while (!timeout.check_timeout().should_stop) {
    REQUIRE(machine.now() < BootTime(12h));
    if (timeout.check_timeout().should_save) {
      saved_at.push_back(std::chrono::round<std::chrono::seconds>(timeout.get_remaining_time()));
      REQUIRE(timeout.save_emergency_checkpoint(step, 1).ok());
      CHECK_FALSE(timeout.check_timeout().should_save);
    }
    machine.pass(500ms);
    ++step;
  }
  REQUIRE(saved_at.size() >= 8);
  CHECK(saved_at[0] == 30min);
  CHECK(saved_at[1] == 15min);
  CHECK(saved_at.back() >= 5s);  // the drain
  CHECK(timeout.get_status().emergency_checkpoint_saved);
  CHECK(session->head()->kind == CheckpointKind::emergency);
}

TEST_CASE_METHOD(OnColab, "What saves and steps take is kept, where that is more than the threshold") {
  options.warning_threshold_minutes = 0;
  TimeoutHandler timeout = handler();
  for (int i = 0; i < 200; ++i) {
    timeout.check_timeout();
    machine.pass(10s);
  }
  machine.boot = BootTime(12h - 16s);
  CHECK_FALSE(timeout.check_timeout().should_save);
  machine.pass(1s + 1ms);  // a step of 10 s, and a drain of 5; checks after the jump are no steps
  CHECK(timeout.check_timeout().should_save);
}

TEST_CASE_METHOD(TimedTrainer, "A run of slow steps that evaluates with quick checks is saved and stopped in time") {
  machine.add_process("self", 3600s);
  options.session_duration_hours = 3;
  save_takes = 2s;
  TimeoutHandler timeout = handler();
  Step step = 0, saved = 0;
  bool stopped = false;
  while (!stopped) {
    machine.pass(90s);
    ++step;
    REQUIRE(machine.now() < BootTime(4h));  // killed in the middle of a step otherwise
    if (timeout.check_timeout(step).should_save && timeout.save_emergency_checkpoint(step, 0).ok()) saved = step;
    stopped = timeout.check_timeout(step).should_stop;
    for (int batch = 0; batch < 2000 && step % 10 == 0; ++batch) {
      machine.pass(5ms);
      timeout.check_timeout(step);
    }
  }
  CHECK(saved == step);
  CHECK(timeout.get_remaining_time() < 2 * 90s + 10s);  // and not much too early either
}

TEST_CASE_METHOD(OnColab, "A state that a regular checkpoint has already is not saved again") {
  TimeoutHandler timeout = handler();
  const CheckpointId regular = save(40);
  timeout.note_checkpoint(regular, 40);
  machine.pass(11h);
  const EmergencySave saved = timeout.save_emergency_checkpoint(40, 4);
  CHECK(saved.ok());
  CHECK(saved.was_durable);
  CHECK(saved.checkpoint == regular);
  CHECK(calls.empty());
  weight = 41;
  CHECK_FALSE(timeout.save_emergency_checkpoint(41, 4).was_durable);
  CHECK(calls.size() == 2);
}

TEST_CASE_METHOD(OnColab, "Nor is it due so soon after one") {
  options.drain_seconds = 60;
  TimeoutHandler timeout = handler();
  machine.pass(10h + 29min + 30s);
  timeout.note_checkpoint(save(40), 40);
  machine.pass(30s);
  CHECK_FALSE(timeout.should_save_emergency_checkpoint());  // 30:00, and 30 s since the checkpoint
  machine.pass(90s);
  CHECK(timeout.should_save_emergency_checkpoint());
}

TEST_CASE_METHOD(OnColab, "A save that began before a signal came does not answer it") {
  options.signals = {SIGUSR1};
  TimeoutHandler timeout = handler();
  const CheckpointId asynchronous = save(40);
  const BootTime taken = machine.now();
  machine.pass(2s);
  raise(SIGUSR1);
  CHECK(timeout.check_timeout().should_save);
  timeout.note_checkpoint(asynchronous, 40, taken);
  CHECK(timeout.check_timeout().should_save);
  timeout.note_checkpoint(save(50), 50);
  CHECK_FALSE(timeout.check_timeout().should_save);
}

TEST_CASE_METHOD(OnColab, "The status has the reference's seven keys") {
  TimeoutHandler timeout = handler();
  machine.pass(30min);
  const auto document = nlohmann::ordered_json::parse(timeout.get_status().to_json());
  CHECK(keys_of(document) == std::vector<std::string>{"is_colab", "elapsed_hours", "remaining_minutes",
                                                      "warning_issued", "emergency_checkpoint_saved", "session_start",
                                                      "checkpoint_dir"});
  CHECK(document["is_colab"] == true);
  CHECK(document["elapsed_hours"] == 1.5);
  CHECK(document["remaining_minutes"] == 10.5 * 60);
  CHECK(document["warning_issued"] == false);
  CHECK(document["emergency_checkpoint_saved"] == false);
  CHECK(document["session_start"] == "2026-11-24T11:00:00Z");
  CHECK(document["checkpoint_dir"] == (dir / "store").string());
  machine.variables.clear();
  restart();
  CHECK(nlohmann::ordered_json::parse(handler().get_status().to_json())["remaining_minutes"].is_null());
}

TEST_CASE_METHOD(OnColab, "That the end draws near is told once, and kept with the session") {
  TimeoutHandler timeout = handler();
  machine.pass(10h + 31min);
  for (Step step = 7; step < 10; ++step) timeout.check_timeout(step);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Contains("colab") && Contains("1740 s left"));
  session.reset();
  REQUIRE(events("session_ending").size() == 1);
  CHECK(events("session_ending")[0].severity == Severity::warning);
  CHECK(events("session_ending")[0].step == 7);
}

TEST_CASE_METHOD(TimedTrainer, "A SIGTERM makes a save due at once, and then wants the end") {
  const Quiet quiet(SIGTERM);
  options.signals = {SIGTERM};
  TimeoutHandler timeout = handler();
  CHECK_FALSE(timeout.check_timeout().should_save);
  raise(SIGTERM);
  TimeoutCheck check = timeout.check_timeout();
  CHECK(check.should_save);
  CHECK_FALSE(check.should_stop);
  CHECK(check.remaining_minutes == Approx(0.5).margin(0.01));  // Kubernetes' 30 s
  CHECK(timeout.get_deadline()->source == "signal");
  CHECK(timeout.save_emergency_checkpoint(7, 0).ok());
  check = timeout.check_timeout();
  CHECK_FALSE(check.should_save);
  CHECK(check.should_stop);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Contains("SIGTERM"));
}

TEST_CASE_METHOD(TimedTrainer, "A SIGUSR1 leaves a known end as it is, and is taken for one where none is known") {
  const Quiet quiet(SIGUSR1);
  options.signals = {SIGUSR1};
  SECTION("known") {
    machine.variables["SLURM_JOB_END_TIME"] = std::to_string(1'795'521'600 + 7200);
    TimeoutHandler timeout = handler();
    raise(SIGUSR1);
    CHECK(timeout.check_timeout().should_save);
    CHECK(timeout.get_remaining_time() == 2h);
    timeout.save_emergency_checkpoint(7, 0);
    CHECK_FALSE(timeout.check_timeout().should_save);
    CHECK_FALSE(timeout.check_timeout().should_stop);
  }
  SECTION("not known") {
    TimeoutHandler timeout = handler();
    raise(SIGUSR1);
    CHECK(timeout.check_timeout().remaining_minutes == Approx(0.5).margin(0.01));
  }
}

TEST_CASE_METHOD(TimedTrainer, "LSF's SIGUSR2 gives ten minutes") {
  const Quiet quiet(SIGUSR2);
  machine.variables["LSB_JOBID"] = "99";
  machine.commands["bjobs -noheader -o time_left 99"] = "-";
  options.signals = {SIGUSR2};
  TimeoutHandler timeout = handler();
  raise(SIGUSR2);
  CHECK(timeout.check_timeout().remaining_minutes == Approx(10).margin(0.01));
}

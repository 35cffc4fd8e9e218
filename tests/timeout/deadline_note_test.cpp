// What another process can know of a session's end.
#include <lastgood/session_cost.h>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/timeout/timed_trainer.h"
#include "timeout/deadline_note.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

constexpr std::int64_t kNoonMs = 1'795'521'600'000;

struct Noted : TimedTrainer {
  timeout::DeadlineNote note;

  bool tell(std::chrono::nanoseconds left, const char* source = "slurm") {
    return note.tell(*session, 1, Deadline{machine.now() + left, source, "it says so"}, machine);
  }
  /// Ends the session, which writes what is buffered. Oldest first.
  std::vector<nlohmann::json> details() {
    session.reset();
    std::vector<nlohmann::json> found;
    for (const Event& event : events(kSessionDeadline)) {
      CHECK(event.severity == Severity::info);
      found.insert(found.begin(), nlohmann::json::parse(event.detail));
    }
    return found;
  }
};

}  // namespace

TEST_CASE_METHOD(Noted, "The end is noted by the wall clock, with its source and in words") {
  CHECK(tell(2h));
  CHECK(details() == std::vector<nlohmann::json>{{{"ends_at", kNoonMs + 7'200'000}, {"source", "slurm"}}});
  CHECK(events(kSessionDeadline)[0].message == "the session ends at 2026-11-24T14:00:00Z: slurm: it says so");
}

TEST_CASE_METHOD(Noted, "An end that stays within a minute is noted once") {
  CHECK(tell(2h));
  CHECK_FALSE(tell(2h));
  CHECK_FALSE(tell(2h + 1min));
  CHECK_FALSE(tell(2h - 1min));
  machine.pass(90s);
  CHECK_FALSE(tell(2h - 90s));
  CHECK(details().size() == 1);
}

TEST_CASE_METHOD(Noted, "An end that comes sooner, or from another source, is noted at once") {
  CHECK(tell(2h));
  CHECK(tell(1h));
  CHECK(tell(1h - 10s, "signal"));
  const auto noted = details();
  REQUIRE(noted.size() == 3);
  CHECK(noted[2] == nlohmann::json{{"ends_at", kNoonMs + 3'590'000}, {"source", "signal"}});
}

TEST_CASE_METHOD(Noted, "One that is put off waits until the note before is a minute old") {
  CHECK(tell(1h));
  CHECK_FALSE(tell(3h));
  machine.pass(59s);
  CHECK_FALSE(tell(3h));
  machine.pass(1s);
  CHECK(tell(3h));
  CHECK(details().back()["ends_at"] == kNoonMs + 60'000 + 3 * 3'600'000);
}

TEST_CASE_METHOD(Noted, "One that is called off is null; none at all is not worth a note") {
  CHECK_FALSE(note.tell(*session, 1, std::nullopt, machine));
  CHECK(tell(1h));
  machine.pass(1min);
  CHECK(note.tell(*session, 1, std::nullopt, machine));
  CHECK_FALSE(note.tell(*session, 1, std::nullopt, machine));
  CHECK(details().back() == nlohmann::json{{"ends_at", nullptr}, {"source", ""}});
}

TEST_CASE_METHOD(Noted, "An end beyond all calendars of the machine does no harm") {
  CHECK(note.tell(*session, 1, Deadline{BootTime::max() - 1ns, "duration", "you said so"}, machine));
  CHECK(details().back()["ends_at"] > kNoonMs);
}

TEST_CASE_METHOD(TimedTrainer, "A handler notes the end when it begins, for whoever looks on while it trains") {
  machine.variables["SLURM_JOB_END_TIME"] = std::to_string(kNoonMs / 1000 + 7200);
  {
    TimeoutHandler timeout = handler();
    for (int i = 0; i < 100; ++i) {
      timeout.check_timeout();
      machine.pass(10s);
    }
    save(5);  // its commit takes along what is buffered
    REQUIRE(events(kSessionDeadline).size() == 1);
    CHECK(nlohmann::json::parse(events(kSessionDeadline)[0].detail) ==
          nlohmann::json{{"ends_at", kNoonMs + 7'200'000}, {"source", "slurm"}});
  }
  CHECK(list_events(store, {.at_least = Severity::warning}).empty());
}

TEST_CASE_METHOD(TimedTrainer, "A handler that knows of no end notes none") {
  TimeoutHandler timeout = handler();
  timeout.check_timeout();
  save(5);
  CHECK(events(kSessionDeadline).empty());
}

TEST_CASE_METHOD(TimedTrainer, "A handler notes an end that moves, by a file that says so") {
  machine.files["/limit"] = "+7200";
  options.sources.push_back(limit_file(machine, "/limit", 1h));
  machine.variables["SLURM_JOB_END_TIME"] = std::to_string(kNoonMs / 1000 + 36'000);
  TimeoutHandler timeout = handler();
  // The thread of the sources asks the file in its own time.
  while (timeout.get_deadline()->source != "file") std::this_thread::yield();
  timeout.check_timeout();  // it may have been told of between two looks, and a look is what notes it
  save(5);
  const auto newest = nlohmann::json::parse(events(kSessionDeadline)[0].detail);
  CHECK(newest == nlohmann::json{{"ends_at", kNoonMs + 7'200'000}, {"source", "file"}});
}

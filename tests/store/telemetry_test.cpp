// What a session records, asked back while it runs and after its end.
#include <lastgood/annotate.h>
#include <lastgood/history.h>
#include <lastgood/session.h>
#include <lastgood/telemetry.h>

#include <catch2/catch.hpp>

#include "store/store_impl.h"
#include "tests/support/process.h"
#include "tests/support/sample_state.h"
#include "tests/support/simulated_disk.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

struct Fixture {
  TemporaryDirectory dir;
  std::vector<std::string> warnings;
  Store store = Store::create(dir / "store", {.on_warning = [this](const std::string& what) { note(what); }});

  void note(const std::string& what) { warnings.push_back(what); }
  std::size_t observed() const { return list_observations(store, {.run = "demo", .limit = 0}).size(); }
};

CheckpointId save_step(Session& session, Step step) {
  return session.save(sample_state(static_cast<std::uint64_t>(step)).views(), {.step = step}).value();
}

}  // namespace

TEST_CASE_METHOD(Fixture, "What a session records is there after its end") {
  {
    Session session = store.start_session("demo");
    session.record(Observation{.step = 1, .loss = 2.5, .health = Health::healthy});
    session.record(Event{.step = 1, .kind = "note", .message = "began"});
  }
  const auto observations = list_observations(store, {.run = "demo"});
  REQUIRE(observations.size() == 1);
  CHECK(observations[0].loss == 2.5);
  CHECK(observations[0].health == Health::healthy);
  CHECK(observations[0].recorded_at_ms > 0);
  CHECK(list_events(store).at(0).message == "began");
  CHECK(warnings.empty());
}

TEST_CASE_METHOD(Fixture, "A save takes along what was recorded before it, and tells what it cost") {
  Session session = store.start_session("demo");
  session.record(Observation{.step = 1, .loss = 2});
  const CheckpointId id = save_step(session, 1);
  session.rollback(id);  // waits for what the save's thread still writes
  CHECK(observed() == 1);
  const auto costs = list_save_costs(store, "demo");
  REQUIRE(costs.size() == 1);
  CHECK(costs[0].checkpoint == id);
  CHECK(costs[0].step == 1);
  CHECK(costs[0].bytes_new > 0);
  CHECK(costs[0].durable.count() > 0);
  CHECK(costs[0].error.empty());
}

TEST_CASE_METHOD(Fixture, "After a rollback, the abandoned steps do not lead to what follows") {
  Session session = store.start_session("demo");
  for (Step step = 1; step <= 3; ++step) session.record(Observation{.step = step, .loss = 1});
  const CheckpointId good = save_step(session, 3);
  for (Step step = 4; step <= 9; ++step) session.record(Observation{.step = step, .loss = 100});
  session.rollback(good);
  CHECK(observed() == 3);
  session.record(Observation{.step = 4, .loss = 1});
  const CheckpointId next = save_step(session, 4);
  session.rollback(next);
  CHECK(observed() == 4);
}

TEST_CASE_METHOD(Fixture, "A full batch is written while the session goes on") {
  Session session = store.start_session("demo");
  for (Step step = 0; step < 1024; ++step) session.record(Observation{.step = step, .loss = 1});
  const CheckpointId id = save_step(session, 1024);  // queued behind the batch
  CHECK(list_observations(store, {.run = "demo", .limit = 0, .leading_to = id}).size() == 1024);
}

TEST_CASE_METHOD(Fixture, "A recovery is durable at once, takes along what is buffered, and is settled by its id") {
  Session session = store.start_session("demo");
  session.record(Observation{.step = 5, .loss = 1});
  Recovery recovery{.step = 5, .failure = "nan_detected", .action = "rollback_checkpoint"};
  recovery.id = session.record(recovery);
  CHECK(observed() == 1);
  CHECK(list_recoveries(store, "demo").at(0).outcome == RecoveryOutcome::probation);
  recovery.outcome = RecoveryOutcome::succeeded;
  CHECK(session.record(recovery) == recovery.id);
  const auto found = list_recoveries(store);
  REQUIRE(found.size() == 1);
  CHECK(found[0].outcome == RecoveryOutcome::succeeded);
  CHECK(found[0].run == "demo");
}

TEST_CASE_METHOD(Fixture, "What cannot be recorded is dropped with a warning, and stops nothing") {
  Session session = store.start_session("demo");
  session.record(Observation{.step = -1});
  session.record(Event{.kind = "Not A Kind"});
  session.record(Event{.kind = "note", .detail = "[]"});
  REQUIRE(warnings.size() == 3);
  CHECK_THAT(warnings[0], Contains("the step -1 is negative"));
  CHECK_THAT(warnings[1], Contains("[a-z0-9_]"));
  CHECK_THAT(warnings[2], Contains("not a JSON object"));
  const Recovery nameless{.failure = "", .action = "x"};
  CHECK(thrown_by([&] { session.record(nameless); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE_METHOD(Fixture, "A message with what a terminal might obey is kept in quotes") {
  {
    Session session = store.start_session("demo");
    session.record(Event{.kind = "note", .message = "\x1b[2J"});
  }
  CHECK(list_events(store).at(0).message.find('\x1b') == std::string::npos);
}

TEST_CASE("Where telemetry cannot be written it waits, with a warning, and is written with the next save") {
  const auto run = [](FaultPlan plan) {
    SimulatedDisk disk;
    Process process(disk, plan);
    std::vector<std::string> warnings;
    StoreOptions options;
    options.on_warning = [&](const std::string& what) { warnings.push_back(what); };
    Store store = open_store("/store", OpenMode::create, options, process);
    Session session = store.start_session("demo");
    const std::uint64_t before = process.operations();
    session.record(Observation{.step = 1, .loss = 1});
    session.flush();
    session.rollback(save_step(session, 1));
    CHECK(warnings.size() == (plan.fault ? 1 : 0));
    CHECK(list_observations(store, {.run = "demo"}).size() == 1);
    return before;
  };
  const std::uint64_t before = run({});
  run({.fault = Fault{FaultKind::no_space, before + 1}});
}

TEST_CASE_METHOD(Fixture, "Questions about an unknown run or checkpoint are not_found") {
  CHECK(thrown_by([&] { list_observations(store, {.run = "demo"}); }).code() == ErrorCode::not_found);
  Session session = store.start_session("demo");
  CHECK(thrown_by([&] { list_observations(store, {.run = "demo", .leading_to = CheckpointId{7}}); }).code() ==
        ErrorCode::not_found);
}

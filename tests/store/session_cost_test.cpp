// What sessions cost, by what they recorded.
#include <sys/wait.h>
#include <unistd.h>

#include <lastgood/gc.h>
#include <lastgood/history.h>
#include <lastgood/session.h>
#include <lastgood/session_cost.h>

#include <catch2/catch.hpp>

#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

struct Fixture {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");

  static CheckpointId save(Session& session, Step step) {
    return session.save(sample_state(static_cast<std::uint64_t>(step)).views(), {.step = step}).value();
  }
  SessionCost newest(const std::optional<std::string>& run = {}) const { return list_session_costs(store, run).at(0); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "Steps after the last checkpoint of a session that was interrupted are lost") {
  {
    Session session = store.start_session("demo");
    save(session, 10);
    session.record(Observation{.step = 17, .loss = 1});
  }
  const SessionCost cost = newest();
  CHECK(cost.session == list_sessions(store).at(0).id);
  CHECK(cost.last_step == 17);
  CHECK(cost.saved_step == 10);
  CHECK(cost.steps_lost == 7);
  CHECK(cost.saves == 1);
  CHECK(cost.failed_saves == 0);
  CHECK(cost.durable.count() > 0);
  CHECK(cost.durable >= cost.blocked);
}

TEST_CASE_METHOD(Fixture, "A session that saved nothing lost all since the checkpoint that it began with") {
  {
    Session session = store.start_session("demo");
    save(session, 10);
  }
  {
    Session session = store.start_session("demo");
    session.record(Event{.step = 14, .kind = "note"});
  }
  CHECK(newest().saved_step == 10);
  CHECK(newest().steps_lost == 4);
  CHECK(newest().saves == 0);
  { Session session = store.start_session("demo"); }
  CHECK_FALSE(newest().last_step);
  CHECK(newest().steps_lost == 0);
}

TEST_CASE_METHOD(Fixture, "A crashed session has lost no more steps once its last checkpoint is forgotten") {
  const pid_t child = fork();
  if (child == 0) {
    Store own = Store::open(store.path());
    Session session = own.start_session("demo");
    save(session, 5);
    session.record(Observation{.step = 12, .loss = 1});  // the training is ahead of a save under way
    save(session, 10);
    _exit(0);  // as a kill would: nothing is written any more
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CheckpointId last;
  {
    Session next = store.start_session("demo");
    last = next.head().value().id;
    save(next, 20);
  }
  const auto crashed = [&] { return list_session_costs(store).at(1); };
  REQUIRE(list_sessions(store).at(1).state == SessionState::crashed);
  CHECK(crashed().steps_lost == 2);
  forget(store, {&last, 1});
  CHECK(crashed().steps_lost == 2);
  CHECK(crashed().saved_step == 10);
  CHECK(crashed().saves == 2);
  CHECK(crashed().durable.count() > 0);
}

TEST_CASE_METHOD(Fixture, "A completed session has lost nothing") {
  Session session = store.start_session("demo");
  save(session, 10);
  session.record(Observation{.step = 12, .loss = 1});
  session.complete();
  CHECK(newest().last_step == 12);
  CHECK(newest().steps_lost == 0);
}

TEST_CASE_METHOD(Fixture, "What a rollback abandoned is not counted, what came after it is") {
  {
    Session session = store.start_session("demo");
    const CheckpointId first = save(session, 10);
    save(session, 90);
    session.rollback(first);
    session.record(Observation{.step = 13, .loss = 1});
  }
  CHECK(newest().last_step == 13);
  CHECK(newest().saved_step == 10);
  CHECK(newest().steps_lost == 3);
  CHECK(newest().saves == 2);
}

TEST_CASE_METHOD(Fixture, "A failed save is counted, and its time") {
  {
    Session session = store.start_session("demo");
    const auto state = sample_state(1);
    CHECK_FALSE(session.save(state.views(), {.step = 5, .metadata = "no JSON"}).ok());
  }
  CHECK(newest().saves == 0);
  CHECK(newest().failed_saves == 1);
  CHECK(newest().saved_step == 0);
  CHECK(newest().steps_lost == 5);
}

TEST_CASE_METHOD(Fixture, "A session was halted where that is the last thing that its recoveries did") {
  const auto end_after = [&](std::vector<RecoveryOutcome> outcomes, bool completes) {
    Session session = store.start_session("demo");
    for (const RecoveryOutcome outcome : outcomes) {
      session.record(Recovery{.step = 1, .failure = "nan_detected", .action = "some", .outcome = outcome});
    }
    if (completes) session.complete();
  };
  end_after({RecoveryOutcome::relapsed, RecoveryOutcome::halted}, false);
  CHECK(newest().halted);
  end_after({}, false);
  CHECK_FALSE(newest().halted);
  end_after({RecoveryOutcome::halted, RecoveryOutcome::succeeded}, false);  // somebody mended the cause
  CHECK_FALSE(newest().halted);
  end_after({RecoveryOutcome::halted}, true);
  CHECK_FALSE(newest().halted);
}

TEST_CASE_METHOD(Fixture, "Sessions are listed newest first, of one run or of all, with why they ended") {
  {
    Session session = store.start_session("a");
    session.record(Event{.step = 1, .kind = kSessionEnding, .message = "SLURM ends job 1 then"});
    session.record(Event{.step = 2, .kind = kSessionEnding, .message = "SIGTERM came"});
    session.record(Event{.step = 3, .kind = "note", .message = "something else"});
  }
  { Session session = store.start_session("b"); }
  const auto all = list_session_costs(store);
  REQUIRE(all.size() == 2);
  CHECK(all[0].session > all[1].session);
  CHECK(all[0].ending.empty());
  CHECK(all[1].ending == "SIGTERM came");
  CHECK(list_session_costs(store, "a").size() == 1);
  CHECK(newest("a").session == all[1].session);
  CHECK(list_session_costs(store, "none").empty());
}

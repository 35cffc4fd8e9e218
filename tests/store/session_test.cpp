#include <lastgood/annotate.h>
#include <lastgood/gc.h>
#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/session.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "store/io/file_system.h"
#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

struct Fixture {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");

  SessionInfo newest_session() const { return list_sessions(store).front(); }
};

CheckpointId save_step(Session& session, Step step) {
  return session.save(sample_state(static_cast<std::uint64_t>(step)).views(), {.step = step}).value();
}

/// Flips a byte in the middle of the newest pack.
void damage_newest_pack(const std::filesystem::path& store) {
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(store / "blobs")) {
    if (newest.empty() || entry.last_write_time() > last_write_time(newest)) newest = entry.path();
  }
  const auto middle = static_cast<std::int64_t>(file_size(newest) / 2);
  const auto file = io::posix_file_system().open(newest, true);
  std::byte byte{};
  io::read_fully(*file, static_cast<std::uint64_t>(middle), {&byte, 1});
  byte ^= std::byte{1};
  io::write_all(*file, static_cast<std::uint64_t>(middle), {&byte, 1});
}

}  // namespace

TEST_CASE_METHOD(Fixture, "A new run has no head; each save becomes the head and names the one before as its parent") {
  Session session = store.start_session("demo");
  CHECK_FALSE(session.head());
  const CheckpointId first = save_step(session, 10);
  CHECK(session.head()->id == first);
  CHECK_FALSE(session.head()->parent);
  const CheckpointId second = save_step(session, 20);
  CHECK(session.head()->id == second);
  CHECK(session.head()->parent == first);
  CHECK(session.head()->step == 20);
  CHECK(session.run() == "demo");
}

TEST_CASE_METHOD(Fixture, "A second trainer of a run is told who holds it, and other runs are free") {
  const Session session = store.start_session("demo");
  Store other = Store::open(store.path());
  const Error error = thrown_by([&] { other.start_session("demo"); });
  CHECK(error.code() == ErrorCode::busy);
  CHECK_THAT(error.what(), Catch::Contains("run 'demo' is being trained by process " + std::to_string(getpid())));
  CHECK_NOTHROW(other.start_session("another"));
}

TEST_CASE_METHOD(Fixture, "A session ends interrupted, completed, or is found crashed by the next one") {
  { const Session session = store.start_session("demo"); }
  CHECK(newest_session().state == SessionState::interrupted);
  CHECK(newest_session().ended_at_ms);
  {
    Session session = store.start_session("demo");
    CHECK(newest_session().state == SessionState::open);
    session.complete();
  }
  CHECK(newest_session().state == SessionState::completed);
  const pid_t child = fork();
  if (child == 0) {
    Store own = Store::open(store.path());
    const Session session = own.start_session("demo");
    _exit(0);  // as a kill would: nothing is said
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  const Session session = store.start_session("demo");
  const std::vector<SessionInfo> sessions = list_sessions(store);
  CHECK(sessions[0].state == SessionState::open);
  CHECK(sessions[1].state == SessionState::crashed);
  CHECK(sessions[1].pid == child);
}

TEST_CASE_METHOD(Fixture, "An ended session saves no more, and says so") {
  Session session = store.start_session("demo");
  session.complete();
  const SaveOutcome outcome = session.save(sample_state(1).views(), {.step = 1});
  REQUIRE(outcome.error);
  CHECK(outcome.error->code() == ErrorCode::invalid_argument);
  CHECK_THAT(outcome.error->what(), Catch::Contains("has ended"));
  CHECK_THROWS_AS(session.complete(), Error);
}

TEST_CASE_METHOD(Fixture, "After a rollback the next save grows a new branch, and nothing is deleted") {
  Session session = store.start_session("demo");
  const CheckpointId first = save_step(session, 1);
  const CheckpointId abandoned = save_step(session, 2);
  session.rollback(first);
  CHECK(session.head()->id == first);
  const CheckpointId branch = save_step(session, 3);
  CHECK(find_checkpoint(store, branch)->parent == first);
  CHECK(find_checkpoint(store, abandoned)->parent == first);
}

TEST_CASE_METHOD(Fixture, "A rollback to another run's checkpoint is refused") {
  Session one = store.start_session("one");
  Session two = store.start_session("two");
  const CheckpointId foreign = save_step(two, 1);
  save_step(one, 1);
  CHECK(thrown_by([&] { one.rollback(foreign); }).code() == ErrorCode::invalid_argument);
  CHECK(one.head()->run == "one");
}

TEST_CASE_METHOD(Fixture, "Resuming a new run restores nothing") {
  Session session = store.start_session("demo");
  CHECK_FALSE(session.resume([](const CheckpointInfo&) { FAIL("there is nothing to restore"); }));
}

TEST_CASE_METHOD(Fixture, "Resuming passes over damaged checkpoints, tells why, and moves the head") {
  Session session = store.start_session("demo");
  const CheckpointId good = save_step(session, 1);
  const CheckpointId bad = save_step(session, 2);
  damage_newest_pack(store.path());
  SampleState state = sample_state(0).blank();
  std::vector<CheckpointId> skipped;
  const auto from = session.resume([&](const CheckpointInfo& c) { load(store, c.id, state.slots()); },
                                   [&](const CheckpointInfo& c, const Error& why) {
                                     skipped.push_back(c.id);
                                     CHECK(why.code() == ErrorCode::corruption);
                                   });
  CHECK(from->id == good);
  CHECK(skipped == std::vector{bad});
  CHECK(state == sample_state(1));
  CHECK(session.head()->id == good);
  CHECK_FALSE(find_checkpoint(store, bad)->intact);
}

TEST_CASE_METHOD(Fixture, "Resuming finds its way where the next older checkpoint is forgotten meanwhile") {
  Session session = store.start_session("demo");
  const CheckpointId oldest = save_step(session, 1);
  const CheckpointId middle = save_step(session, 2);
  save_step(session, 3);
  damage_newest_pack(store.path());
  SampleState state = sample_state(0).blank();
  const auto from = session.resume([&](const CheckpointInfo& c) { load(store, c.id, state.slots()); },
                                   [&](const CheckpointInfo&, const Error&) { forget(store, std::vector{middle}); });
  REQUIRE(from);
  CHECK(from->id == oldest);
  CHECK(state == sample_state(1));
}

TEST_CASE_METHOD(Fixture, "Resuming never starts from zero: with nothing intact, or another error, it throws") {
  Session session = store.start_session("demo");
  save_step(session, 1);
  SECTION("damage") {
    damage_newest_pack(store.path());
    SampleState state = sample_state(0);
    const auto resume = [&] { session.resume([&](const CheckpointInfo& c) { load(store, c.id, state.slots()); }); };
    CHECK(thrown_by(resume).code() == ErrorCode::corruption);
    CHECK(state == sample_state(0));
  }
  SECTION("a state that does not fit") {
    save_step(session, 2);
    SampleState state;
    state.add("other", random_bytes(3, 1));
    const auto resume = [&] { session.resume([&](const CheckpointInfo& c) { load(store, c.id, state.slots()); }); };
    CHECK(thrown_by(resume).code() == ErrorCode::invalid_argument);
  }
  CHECK(session.head()->step >= 1);
}

TEST_CASE_METHOD(Fixture, "Chunk sizes outside of the limits are refused before a session begins") {
  for (const std::uint64_t bytes : {std::uint64_t{4096}, std::uint64_t{65537}, std::uint64_t{128} << 20}) {
    CHECK(thrown_by([&] { store.start_session("demo", {.chunk_bytes = bytes}); }).code() ==
          ErrorCode::invalid_argument);
  }
  CHECK(list_sessions(store).empty());
}

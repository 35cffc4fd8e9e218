#include <lastgood/annotate.h>

#include <catch2/catch.hpp>

#include <cerrno>

#include <lastgood/gc.h>
#include <lastgood/session.h>

#include "store/holder.h"
#include "store/paths.h"
#include "store/rebuild_on.h"
#include "tests/store/store_fixture.h"
#include "tests/support/pass_through.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

struct TwoCheckpoints : StoreFixture {
  TwoCheckpoints() {
    save({.step = 1, .entries = weights(1, 1)});
    save({.step = 2, .entries = weights(2, 1)});
  }
  template <class Body>
  ErrorCode code(const Body& body) {
    return thrown_by(body).code();
  }
};

constexpr CheckpointId kFirst{1}, kSecond{2}, kAbsent{9};

}  // namespace

TEST_CASE("a rollback moves the head, deletes nothing, and the next save branches there") {
  TwoCheckpoints store;
  rollback(store.store(), kFirst);
  CHECK(store.info(kFirst).is_head);
  CHECK_FALSE(store.info(kSecond).is_head);
  const CheckpointId third = store.save({.step = 2, .entries = weights(3, 1)});
  CHECK(store.info(third).parent == kFirst);
  CHECK(store.loads(kSecond));
}

TEST_CASE("a rollback survives a reopening") {
  TwoCheckpoints store;
  rollback(store.store(), kFirst);
  store.reopen();
  CHECK(store.info(kFirst).is_head);
}

TEST_CASE("a rollback waits for no trainer, and names the one that holds the run") {
  TwoCheckpoints store;
  const RunId run = list_runs(store.store()).at(0).id;
  auto trainer = store.files().try_lock(paths::run_lock(store.path(), run), io::LockMode::exclusive);
  trainer->write_note("process 4711 on host node7");
  const Error error = thrown_by([&] { rollback(store.store(), kFirst); });
  CHECK(error.code() == ErrorCode::busy);
  CHECK_THAT(error.what(), Contains("process 4711 on host node7"));
  CHECK(store.info(kSecond).is_head);
  trainer.reset();
  rollback(store.store(), kFirst);
  CHECK(store.info(kFirst).is_head);
}

TEST_CASE("a tag names, moves only on request, and goes") {
  TwoCheckpoints store;
  CHECK(tag(store.store(), "best", kFirst) == std::nullopt);
  CHECK(tag(store.store(), "best", kFirst) == kFirst);  // says nothing new
  CHECK(store.info(kFirst).tags == std::vector<std::string>{"best"});
  CHECK(store.code([&] { tag(store.store(), "best", kSecond); }) == ErrorCode::already_exists);
  CHECK(tag(store.store(), "best", kSecond, {.move = true}) == kFirst);
  CHECK(store.info(kFirst).tags.empty());
  CHECK(store.info(kSecond).tags == std::vector<std::string>{"best"});
  CHECK(untag(store.store(), "best") == kSecond);
  CHECK(store.info(kSecond).tags.empty());
  CHECK(store.code([&] { untag(store.store(), "best"); }) == ErrorCode::not_found);
}

TEST_CASE("a dry run of a tag checks and tells the same, and changes nothing") {
  TwoCheckpoints store;
  tag(store.store(), "best", kFirst);
  store.reopen(OpenMode::read_only);
  const Store& s = store.store();
  const bool dry_run = true;
  CHECK(tag(s, "new", kFirst, {.dry_run = dry_run}) == std::nullopt);
  CHECK(tag(s, "best", kSecond, {.move = true, .dry_run = dry_run}) == kFirst);
  CHECK(store.code([&] { tag(s, "best", kSecond, {.dry_run = dry_run}); }) == ErrorCode::already_exists);
  CHECK(store.code([&] { tag(s, "17", kSecond, {.dry_run = dry_run}); }) == ErrorCode::invalid_argument);
  CHECK(store.code([&] { tag(s, "new", kAbsent, {.dry_run = dry_run}); }) == ErrorCode::not_found);
  CHECK(untag(s, "best", dry_run) == kFirst);
  CHECK(store.code([&] { untag(s, "new", dry_run); }) == ErrorCode::not_found);
  CHECK(store.info(kFirst).tags == std::vector<std::string>{"best"});
  CHECK(store.info(kSecond).tags.empty());
}

TEST_CASE("what would name a checkpoint in another way cannot be a tag") {
  TwoCheckpoints store;
  for (const char* name : {"", "17", "head", "latest", "last-stable", "step:17", "with space", "a~1", "tab\t", "HEAD",
                           "Latest", "-d", ".", "..", "/", "a/", "a//b"}) {
    CAPTURE(name);
    CHECK(store.code([&] { tag(store.store(), name, kFirst); }) == ErrorCode::invalid_argument);
  }
  CHECK(store.code([&] { tag(store.store(), std::string(129, 'x'), kFirst); }) == ErrorCode::invalid_argument);
}

TEST_CASE("pins and verdicts are kept") {
  TwoCheckpoints store;
  pin(store.store(), kFirst);
  set_stability(store.store(), kFirst, Stability::stable);
  store.reopen();
  CHECK(store.info(kFirst).pinned);
  CHECK(store.info(kFirst).stability == Stability::stable);
  unpin(store.store(), kFirst);
  CHECK_FALSE(store.info(kFirst).pinned);
}

TEST_CASE("nothing can be said of a checkpoint that is not there") {
  TwoCheckpoints store;
  const Store& s = store.store();
  CHECK(store.code([&] { rollback(s, kAbsent); }) == ErrorCode::not_found);
  CHECK(store.code([&] { tag(s, "best", kAbsent); }) == ErrorCode::not_found);
  CHECK(store.code([&] { pin(s, kAbsent); }) == ErrorCode::not_found);
  CHECK(store.code([&] { unpin(s, kAbsent); }) == ErrorCode::not_found);
  CHECK(store.code([&] { set_stability(s, kAbsent, Stability::stable); }) == ErrorCode::not_found);
}

TEST_CASE("a read-only handle changes nothing") {
  TwoCheckpoints store;
  store.reopen(OpenMode::read_only);
  const Store& s = store.store();
  CHECK(store.code([&] { rollback(s, kFirst); }) == ErrorCode::permission);
  CHECK(store.code([&] { tag(s, "best", kFirst); }) == ErrorCode::permission);
  CHECK(store.code([&] { untag(s, "best"); }) == ErrorCode::permission);
  CHECK(store.code([&] { pin(s, kFirst); }) == ErrorCode::permission);
  CHECK(store.code([&] { set_stability(s, kFirst, Stability::stable); }) == ErrorCode::permission);
  CHECK(store.info(kSecond).is_head);
}

TEST_CASE("a lock's holder is told by process and host, and without a note as somebody") {
  const TemporaryDirectory directory;
  CHECK_THAT(holder_note(), Contains("process ") && Contains(" on host "));
  CHECK(describe_holder(io::posix_file_system(), directory / "lock") == "another process");
  io::posix_file_system().try_lock(directory / "lock", io::LockMode::exclusive)->write_note("process 1 on host a");
  CHECK(describe_holder(io::posix_file_system(), directory / "lock") == "process 1 on host a");
}

namespace {

/// A disk too full for a note, as each lock file's first block needs one.
class NoRoomForNotes final : public PassThrough {
 public:
  std::unique_ptr<io::FileLock> try_lock(const Path& path, io::LockMode mode) override {
    auto lock = PassThrough::try_lock(path, mode);
    return lock ? std::make_unique<Unsigned>(std::move(lock)) : nullptr;
  }

 private:
  struct Unsigned final : io::FileLock {
    explicit Unsigned(std::unique_ptr<io::FileLock> real) : held(std::move(real)) {}
    void write_note(const std::string&) override { throw Error(ErrorCode::no_space, "lock", "no space", ENOSPC); }
    std::unique_ptr<io::FileLock> held;
  };
};

}  // namespace

TEST_CASE("a disk too full for the holder's note stops neither what frees space nor what goes back") {
  NoRoomForNotes files;
  const TemporaryDirectory directory;
  {
    Store store = open_store(directory / "store", OpenMode::create, {}, files);
    const Bytes content = random_bytes(100, 1);
    const TensorView view{{Section::model, "w", DType::bytes, {100}, ""}, content.data()};
    {
      Session session = store.start_session("demo", {});
      CHECK(session.save({&view, 1}, {}).ok());
      session.complete();
    }
    CHECK_NOTHROW(rollback(store, CheckpointId{1}));
    CHECK_NOTHROW(collect_garbage(store));
  }
  CHECK(rebuild_on(directory / "store", false, {}, files).checkpoints == 1);
}

#include <lastgood/rebuild.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "store/io/file_system.h"
#include "store/paths.h"
#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
namespace fs = std::filesystem;

namespace {

StoreOptions impatient() {
  return {.busy_timeout = std::chrono::milliseconds(0), .on_warning = {}};
}

}  // namespace

TEST_CASE("A store is created in a new directory, parents and all, and opened again") {
  const TemporaryDirectory dir;
  const fs::path path = dir / "runs/today/store";
  { const Store store = Store::create(path); }
  CHECK(fs::exists(path / "catalog.db"));
  CHECK(fs::is_directory(path / "blobs"));
  CHECK(Store::open(path).path() == path);
  CHECK_FALSE(Store::open(path).read_only());
}

TEST_CASE("Creating takes an empty directory, but neither a store nor a directory with something else in it") {
  const TemporaryDirectory dir;
  CHECK_NOTHROW(Store::create(dir.path()));
  const Error again = thrown_by([&] { Store::create(dir.path()); });
  CHECK(again.code() == ErrorCode::already_exists);
  CHECK_THAT(again.what(), Catch::Contains("open it instead"));

  fs::create_directory(dir / "photos");
  std::ofstream(dir / "photos/cat.jpg") << "cat";
  const Error other = thrown_by([&] { Store::create(dir / "photos"); });
  CHECK(other.code() == ErrorCode::already_exists);
  CHECK_THAT(other.what(), Catch::Contains("something else is there"));
  CHECK(fs::exists(dir / "photos/cat.jpg"));
  CHECK_FALSE(fs::exists(dir / "photos/blobs"));
}

TEST_CASE("Opening says what is there instead of a store") {
  const TemporaryDirectory dir;
  const Error absent = thrown_by([&] { Store::open(dir / "nothing"); });
  CHECK(absent.code() == ErrorCode::not_found);
  CHECK_THAT(absent.what(), Catch::Contains("there is no such directory"));
  const Error folder = thrown_by([&] { Store::open(dir.path()); });
  CHECK(folder.code() == ErrorCode::not_found);
  CHECK_THAT(folder.what(), Catch::Contains("holds no catalog.db"));
  std::ofstream(dir / "file") << "text";
  CHECK_THAT(thrown_by([&] { Store::open(dir / "file"); }).what(), Catch::Contains("it is a file"));
}

TEST_CASE("A store that lost its catalog is never taken for a new one") {
  const TemporaryDirectory dir;
  const fs::path path = dir / "store";
  {
    Store store = Store::create(path);
    Session session = store.start_session("demo");
    REQUIRE(session.save(sample_state(1).views(), {.step = 1}).ok());
  }
  fs::remove(path / "catalog.db");
  for (const auto open : {&Store::open, &Store::open_or_create, &Store::create, &Store::open_read_only}) {
    const Error error = thrown_by([&] { open(path, {}); });
    CHECK(error.code() == ErrorCode::corruption);
    CHECK_THAT(error.what(), Catch::Contains("rebuild"));
  }
  CHECK_FALSE(fs::exists(path / "catalog.db"));
}

TEST_CASE("An interrupted creation is taken up by the next one") {
  const TemporaryDirectory dir;
  for (const char* part : {"blobs", "locks", "quarantine"}) fs::create_directory(dir / part);
  std::ofstream(dir / "catalog.db.new") << "half a database";
  CHECK_THROWS_AS(Store::open(dir.path()), Error);
  CHECK_NOTHROW(Store::open_or_create(dir.path()));
  CHECK_FALSE(fs::exists(dir / "catalog.db.new"));
  CHECK_NOTHROW(Store::open(dir.path()));
}

TEST_CASE("A damaged catalog is an error that points to rebuild, and stays as it is") {
  const TemporaryDirectory dir;
  { const Store store = Store::create(dir / "store"); }
  std::ofstream(dir / "store/catalog.db", std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
  const Error error = thrown_by([&] { Store::open_or_create(dir / "store"); });
  CHECK(error.code() == ErrorCode::corruption);
  CHECK_THAT(error.what(), Catch::Contains("rebuild"));
  CHECK(fs::file_size(dir / "store/catalog.db") == 8192);
}

TEST_CASE("A rebuild under way keeps others out, by name") {
  const TemporaryDirectory dir;
  { const Store store = Store::create(dir / "store"); }
  const auto lock = io::posix_file_system().try_lock(paths::store_lock(dir / "store"), io::LockMode::exclusive);
  REQUIRE(lock);
  lock->write_note("process 4711 on host node7");
  const Error error = thrown_by([&] { Store::open(dir / "store", impatient()); });
  CHECK(error.code() == ErrorCode::busy);
  CHECK_THAT(error.what(), Catch::Contains("process 4711 on host node7"));
  CHECK_NOTHROW(Store::open_read_only(dir / "store"));
}

TEST_CASE("A read-only handle reads, and refuses to start a session") {
  const TemporaryDirectory dir;
  {
    Store store = Store::create(dir / "store");
    Session session = store.start_session("demo");
    REQUIRE(session.save(sample_state(1).views(), {.step = 1}).ok());
  }
  Store store = Store::open_read_only(dir / "store");
  CHECK(store.read_only());
  const Error error = thrown_by([&] { store.start_session("demo"); });
  CHECK(error.code() == ErrorCode::permission);
}

TEST_CASE("A handle is refused in a child after fork, and the parent's stays good") {
  const TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("demo");
  REQUIRE(session.save({}, {.step = 0}).ok());  // its thread runs in the parent alone
  const pid_t child = fork();
  if (child == 0) {
    bool refused = false;
    try {
      session.head();
    } catch (const Error& error) {
      refused = error.code() == ErrorCode::invalid_argument;
    }
    const SaveOutcome outcome = session.save({}, {.step = 1});
    refused = refused && outcome.error && outcome.error->code() == ErrorCode::invalid_argument;
    { const Session gone = std::move(session); }  // must not end the parent's session
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(session.save(sample_state(1).views(), {.step = 1}).ok());
}

TEST_CASE("Something else than a file in the catalog's place is named, and a rebuild is the way out") {
  const TemporaryDirectory dir;
  const fs::path catalog = dir / "store" / "catalog.db";
  { Store::create(dir / "store"); }
  fs::remove(catalog);
  const auto message_of_open = [&] { return std::string(thrown_by([&] { Store::open(dir / "store"); }).what()); };
  SECTION("a pipe") {
    REQUIRE(mkfifo(catalog.c_str(), 0600) == 0);
    CHECK_THAT(message_of_open(), Catch::Contains(catalog.string()) && Catch::Contains("pipe"));
    CHECK_NOTHROW(rebuild(dir / "store"));
    CHECK_NOTHROW(Store::open(dir / "store"));
  }
  SECTION("a directory") {
    fs::create_directory(catalog);
    CHECK_THAT(message_of_open(), Catch::Contains(catalog.string()) && Catch::Contains("a directory"));
    CHECK_NOTHROW(rebuild(dir / "store"));
    CHECK_NOTHROW(Store::open_read_only(dir / "store"));
  }
  SECTION("a link that leads nowhere") {
    fs::create_symlink(dir / "nothing", catalog);
    CHECK_THAT(message_of_open(), Catch::Contains("symbolic link") && Catch::Contains("rebuild"));
    CHECK(thrown_by([&] { Store::open_or_create(dir / "store"); }).code() == ErrorCode::corruption);
    CHECK(thrown_by([&] { Store::open_read_only(dir / "store"); }).code() == ErrorCode::corruption);
  }
}

TEST_CASE("A rebuild touches neither a linked catalog nor what it leads to") {
  const TemporaryDirectory dir;
  const fs::path catalog = dir / "store" / "catalog.db";
  { Store::create(dir / "store"); }
  fs::rename(catalog, dir / "elsewhere.db");
  fs::create_symlink(dir / "elsewhere.db", catalog);
  CHECK_NOTHROW(Store::open(dir / "store"));
  const auto size = fs::file_size(dir / "elsewhere.db");
  const Error error = thrown_by([&] { rebuild(dir / "store"); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Catch::Contains("symbolic link"));
  CHECK(fs::is_symlink(catalog));
  CHECK(fs::file_size(dir / "elsewhere.db") == size);
}

TEST_CASE("A store without blobs/ is refused, unless there was nothing in it") {
  const TemporaryDirectory dir;
  const fs::path blobs = dir / "store" / "blobs";
  {
    Store store = Store::create(dir / "store");
    fs::remove(blobs);
    CHECK_NOTHROW(Store::open(dir / "store"));
    CHECK(fs::is_directory(blobs));
    const std::vector<std::byte> content(100);
    const TensorView view{{Section::model, "w", DType::bytes, {100}, ""}, content.data()};
    Session session = store.start_session("demo", {});
    REQUIRE(session.save({&view, 1}, {}).ok());
  }
  fs::remove_all(blobs);
  const Error error = thrown_by([&] { Store::open(dir / "store"); });
  CHECK(error.code() == ErrorCode::corruption);
  CHECK_THAT(error.what(), Catch::Contains(blobs.string()) && Catch::Contains("copy"));
}

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "store/catalog/lock_holder.h"
#include "tests/catalog/raw_database.h"
#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;
using Catch::Matchers::Contains;
using std::chrono::milliseconds;

std::int64_t gc_counter(const SampleCatalog& sample) {
  return sample.number("SELECT value FROM meta WHERE key = 'gc_counter'");
}

TEST_CASE("an exception from the body rolls back and passes on") {
  SampleCatalog sample;
  struct Mine {};
  const auto body = [](Connection& c) {
    raise_gc_counter(c);
    throw Mine{};
  };
  CHECK_THROWS_AS(sample.write(body), Mine);
  CHECK(gc_counter(sample) == 0);
  sample.db.write(Durability::durable, raise_gc_counter);
  CHECK(gc_counter(sample) == 1);
}

TEST_CASE("a read sees one snapshot and keeps nothing of what it may have changed") {
  SampleCatalog sample;
  sample.db.read(raise_gc_counter);
  CHECK(gc_counter(sample) == 0);
}

TEST_CASE("a catalog that is open for reading refuses to write") {
  SampleCatalog sample;
  const Catalog reader = Catalog::open(sample.file, Access::read_only, {});
  bool ran = false;
  const Error error = thrown_by([&] { reader.write(Durability::durable, [&](Connection&) { ran = true; }); });
  CHECK(error.code() == ErrorCode::permission);
  CHECK_FALSE(ran);
}

TEST_CASE("a busy catalog is reported with the process that holds it") {
  SampleCatalog sample(milliseconds{20});
  const OtherProcess other(sample.file, "BEGIN IMMEDIATE");
  bool ran = false;
  const Error error = thrown_by([&] { sample.write([&](Connection&) { ran = true; }); });
  CHECK(error.code() == ErrorCode::busy);
  CHECK_FALSE(ran);
  if (std::filesystem::exists("/proc/locks")) {
    CHECK_THAT(error.what(), Contains("process " + std::to_string(other.pid()) + " (catalog_tests)"));
  }
  sample.read([](Connection& c) { return stats(c).runs; });  // readers are not in the way of each other
}

TEST_CASE("a transaction waits for another process and then goes through") {
  SampleCatalog sample(milliseconds{60'000});
  OtherProcess other(sample.file, "BEGIN EXCLUSIVE");
  std::thread writer([&] { sample.write(raise_gc_counter); });
  other.end();
  writer.join();
  CHECK(gc_counter(sample) == 1);
}

TEST_CASE("opening waits for another process that is committing, for as long as the options say") {
  const SampleCatalog sample;
  OtherProcess other(sample.file, "BEGIN EXCLUSIVE");
  for (const Access access : {Access::read_write, Access::read_only}) {
    const Error error = thrown_by([&] { Catalog::open(sample.file, access, {.busy_timeout = milliseconds{20}}); });
    CHECK(error.code() == ErrorCode::busy);
    CHECK_THAT(error.what(), Contains("in use by process"));
  }
  std::thread opener([&] { Catalog::open(sample.file, Access::read_write, {.busy_timeout = milliseconds{60'000}}); });
  other.end();
  opener.join();
}

TEST_CASE("a reader that stays makes the commit fail as busy, and nothing is left of it") {
  SampleCatalog sample(milliseconds{20});
  OtherProcess other(sample.file, "BEGIN; SELECT * FROM meta");
  int runs = 0;
  const Error error = thrown_by([&] {
    sample.write([&](Connection& c) {
      ++runs;
      raise_gc_counter(c);
    });
  });
  CHECK(error.code() == ErrorCode::busy);
  CHECK(runs == 1);  // only the commit was tried again
  other.end();
  CHECK(gc_counter(sample) == 0);
  sample.write(raise_gc_counter);
  CHECK(gc_counter(sample) == 1);
}

TEST_CASE("a body that meets a busy database runs again") {
  SampleCatalog sample(milliseconds{60'000});
  int runs = 0;
  sample.write([&](Connection& c) {
    raise_gc_counter(c);
    if (++runs == 1) throw BusyError(ErrorCode::busy, "", "");
  });
  CHECK(runs == 2);
  CHECK(gc_counter(sample) == 1);
}

TEST_CASE("a full disk is told as such, and the catalog goes on afterwards") {
  SampleCatalog sample;
  sample.add({});
  // Stands for the disk's end: SQLite may not make the file any longer.
  sample.write([](Connection& c) { c.execute("PRAGMA max_page_count = 1"); });
  const Error error = thrown_by([&] {
    for (int i = 0; i < 1000; ++i)
      sample.write([](Connection& c) {
        find_or_create_run(c, std::string(250, 'x') + format::Uuid::random().hex().substr(0, 6));
      });
  });
  CHECK(error.code() == ErrorCode::no_space);
  CHECK_THAT(error.what(), Contains("free some space"));
  sample.write([](Connection& c) { c.execute("PRAGMA max_page_count = 1000000"); });
  sample.add({});
  CHECK(sample.is_sound());
}

TEST_CASE("threads that share a catalog take turns") {
  SampleCatalog sample;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) sample.write(raise_gc_counter);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(gc_counter(sample) == 40);
}

TEST_CASE("two connections that both write lose nothing") {
  SampleCatalog sample(milliseconds{60'000});
  const Catalog second = Catalog::open(sample.file, Access::read_write, {});
  std::thread other([&] {
    for (int n = 0; n < 20; ++n) second.write(Durability::durable, raise_gc_counter);
  });
  for (int n = 0; n < 20; ++n) sample.write(raise_gc_counter);
  other.join();
  CHECK(gc_counter(sample) == 40);
}

TEST_CASE("a moved catalog works on") {
  SampleCatalog sample;
  Catalog moved = std::move(sample.db);
  moved.write(Durability::durable, raise_gc_counter);
  sample.db = std::move(moved);
  CHECK(gc_counter(sample) == 1);
}

TEST_CASE("of several processes the one that writes is named") {
  if (!std::filesystem::exists("/proc/locks")) return;
  SampleCatalog sample;
  const OtherProcess before(sample.file, "BEGIN; SELECT * FROM meta");
  const OtherProcess writer(sample.file, "BEGIN IMMEDIATE");
  const OtherProcess after(sample.file, "BEGIN; SELECT * FROM meta");
  CHECK_THAT(lock_holder(sample.file), Contains("process " + std::to_string(writer.pid()) + " "));
}

TEST_CASE("nobody is named as holder of a file that nobody holds or that is not there") {
  SampleCatalog sample;
  CHECK(lock_holder(sample.file) == "another process");
  CHECK(lock_holder(sample.directory / "none") == "another process");
}

}  // namespace
}  // namespace lastgood::test

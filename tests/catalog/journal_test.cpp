#include <sqlite3.h>

#include <catch2/catch.hpp>

#include "store/catalog/journal.h"
#include "tests/catalog/raw_database.h"
#include "tests/catalog/sample_catalog.h"
#include "tests/support/process.h"

namespace lastgood::test {
namespace {

using namespace catalog;
using Catch::Matchers::Contains;

std::string pragma(Connection& db, const std::string& name) {
  Statement query(db, "SELECT CAST(" + name + " AS TEXT) FROM pragma_" + name);
  return query.step() ? std::string(query.text(0)) : std::string();
}

TEST_CASE("versions with the race of the write-ahead log's reset are known") {
  for (const int safe : {3'044'006, 3'044'007, 3'050'007, 3'051'003, 3'052'000, 4'000'000}) CHECK(wal_is_safe(safe));
  for (const int bad : {3'007'000, 3'040'001, 3'044'005, 3'045'000, 3'050'006, 3'051'000, 3'051'002}) {
    CHECK_FALSE(wal_is_safe(bad));
  }
}

TEST_CASE("the write-ahead log is chosen only where it is safe and the file system local") {
  CHECK(choose_journal(3'051'003, true) == Journal::write_ahead);
  CHECK(choose_journal(3'051'003, false) == Journal::persistent);
  CHECK(choose_journal(3'040'001, true) == Journal::persistent);
}

TEST_CASE("a catalog uses the journal that was chosen for this SQLite") {
  SampleCatalog sample;
  const bool wal = choose_journal(sqlite3_libversion_number(), true) == Journal::write_ahead;
  sample.write([&](Connection& c) { CHECK(pragma(c, "journal_mode") == (wal ? "wal" : "persist")); });
  const Catalog remote = Catalog::open(sample.file, Access::read_write, {.local = false});
  remote.read([](Connection& c) { CHECK(pragma(c, "journal_mode") == "persist"); });
}

TEST_CASE("commits in a rollback journal are durable, asked or not") {
  SampleCatalog sample;
  const Catalog remote = Catalog::open(sample.file, Access::read_write, {.local = false});
  for (const Durability durability : {Durability::relaxed, Durability::durable}) {
    remote.write(durability, [](Connection& c) { CHECK(pragma(c, "synchronous") == "3"); });
  }
}

TEST_CASE("in the write-ahead log a relaxed commit is not synced and a durable one is") {
  SampleCatalog sample;
  Connection db(sample.file, Connection::Mode::read_write, nullptr);
  set_journal(db, Journal::write_ahead);
  CHECK(pragma(db, "journal_mode") == "wal");
  set_synchronous(db, Journal::write_ahead, Durability::relaxed);
  CHECK(pragma(db, "synchronous") == "1");
  set_synchronous(db, Journal::write_ahead, Durability::durable);
  CHECK(pragma(db, "synchronous") == "2");
}

TEST_CASE("a catalog with a write-ahead log is read, and turned back where that is not safe") {
  SampleCatalog sample;
  const CheckpointId id = sample.add({.step = 3});
  RawDatabase(sample.file).execute("PRAGMA journal_mode = WAL; UPDATE checkpoint SET step = 4");
  {
    const Catalog reader = Catalog::open(sample.file, Access::read_only, {});
    reader.read([&](Connection& c) { CHECK(find_checkpoint(c, id)->step == 4); });
  }
  sample.db = Catalog::open(sample.file, Access::read_write, {.local = false});
  sample.write([](Connection& c) { CHECK(pragma(c, "journal_mode") == "persist"); });
  CHECK(sample.info(id).step == 4);
}

TEST_CASE("a journal that others keep from being changed is busy") {
  SampleCatalog sample;
  RawDatabase(sample.file).execute("PRAGMA journal_mode = WAL");
  const OtherProcess other(sample.file, "BEGIN; SELECT * FROM meta");
  Connection db(sample.file, Connection::Mode::read_write, nullptr);
  CHECK(thrown_by([&] { set_journal(db, Journal::persistent); }).code() == ErrorCode::busy);
}

TEST_CASE("a journal that cannot be had is an error, not a silent other one") {
  SimulatedDisk disk;  // has no shared memory, which the write-ahead log needs
  Process process(disk);
  Connection db("/catalog.db", Connection::Mode::create, process.sqlite_vfs());
  const Error error = thrown_by([&] { set_journal(db, Journal::write_ahead); });
  CHECK(error.code() == ErrorCode::unsupported_version);
  CHECK_THAT(error.what(), Contains("'wal' was asked for"));
}

}  // namespace
}  // namespace lastgood::test

// SQLite on the simulated disk: what it commits survives, and what it was not allowed to sync does not.
#include "tests/support/simulated_vfs.h"

#include <sqlite3.h>
#include <catch2/catch.hpp>

#include <string>

#include "tests/support/process.h"

namespace lastgood::test {
namespace {

constexpr const char* kDatabase = "/catalog.db";

/// A connection whose statements return SQLite's extended code.
class Database {
 public:
  Database(const Process& process, const std::string& journal, const std::string& synchronous = "EXTRA") {
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE;
    opened_ = sqlite3_open_v2(kDatabase, &db_, kFlags, process.sqlite_vfs());
    run("PRAGMA journal_mode=" + journal);
    run("PRAGMA synchronous=" + synchronous);
  }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  int run(const std::string& sql) {
    if (opened_ != SQLITE_OK) return opened_;
    return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  }
  /// The last row's first column; what went wrong where there is none.
  std::string ask(const std::string& sql) {
    std::string answer;
    const auto keep = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0] == nullptr ? "NULL" : values[0];
      return 0;
    };
    const int code = sqlite3_exec(db_, sql.c_str(), keep, &answer, nullptr);
    return code == SQLITE_OK ? answer : sqlite3_errmsg(db_);
  }

 private:
  sqlite3* db_ = nullptr;
  int opened_ = SQLITE_OK;
};

/// Three transactions that rewrite most of a few pages; returns how many were acknowledged.
int scenario(Database& database) {
  int acknowledged = 0;
  database.run("CREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT)");
  for (int i = 1; i <= 3; ++i) {
    const std::string n = std::to_string(i);
    const std::string sql = "BEGIN IMMEDIATE; INSERT INTO t VALUES(" + n +
                            ", hex(zeroblob(3000))); UPDATE t SET text = '" + n + "' || substr(text, 2); COMMIT";
    if (database.run(sql) != SQLITE_OK) break;
    ++acknowledged;
  }
  return acknowledged;
}

/// What a database holds after the machine came up again: the number of whole transactions, or -1 where it is broken.
int transactions_in(const SimulatedDisk& disk, const std::string& journal) {
  const auto copy = disk.after_power_loss(PowerLoss::keep_everything);
  const Process process(*copy);
  Database database(process, journal);
  if (database.ask("PRAGMA integrity_check") != "ok") return -1;
  if (database.ask("SELECT count(*) FROM sqlite_schema") == "0") return 0;
  const std::string count = database.ask("SELECT count(*) FROM t");
  const std::string newest = database.ask("SELECT count(*) FROM t WHERE text LIKE (SELECT max(n) FROM t) || '%'");
  return count == newest ? std::stoi(count) : -1;
}

TEST_CASE("a committed transaction survives every power loss") {
  for (const char* journal : {"DELETE", "TRUNCATE", "PERSIST"}) {
    SimulatedDisk disk;
    const Process process(disk);
    Database database(process, journal);
    REQUIRE(database.ask("PRAGMA journal_mode") == (journal == std::string("DELETE")     ? "delete"
                                                    : journal == std::string("TRUNCATE") ? "truncate"
                                                                                         : "persist"));
    REQUIRE(scenario(database) == 3);
    for (const PowerLoss loss : kPowerLosses) {
      CAPTURE(journal, to_string(loss));
      REQUIRE(transactions_in(*disk.after_power_loss(loss, 1), journal) == 3);
    }
  }
}

/// Runs the scenario with the fault, then cuts the power in every way; counts what SQLite broke of its promises.
struct Sweep {
  int faults = 0;
  int broken = 0;
  int lost = 0;

  void run(const std::string& journal, const std::string& synchronous, std::uint64_t block_bytes, Fault fault) {
    SimulatedDisk disk({.block_bytes = block_bytes});
    int acknowledged = 0;
    {
      const Process process(disk, {.fault = fault});
      Database database(process, journal, synchronous);
      acknowledged = scenario(database);
      if (process.fault_met()) ++faults;
    }
    look(disk, journal, acknowledged);
    for (const PowerLoss loss : kPowerLosses) {
      const std::uint64_t seeds = loss == PowerLoss::random_subset ? 4 : 1;
      for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        look(*disk.after_power_loss(loss, fault.at * 16 + seed), journal, acknowledged);
      }
    }
  }

 private:
  void look(const SimulatedDisk& disk, const std::string& journal, int acknowledged) {
    const int found = transactions_in(disk, journal);
    if (found == -1) ++broken;
    if (found != -1 && found < acknowledged) ++lost;
  }
};

std::uint64_t operations_of_scenario(const std::string& journal, const std::string& synchronous) {
  SimulatedDisk disk;
  const Process process(disk);
  {
    Database database(process, journal, synchronous);
    scenario(database);
  }
  return process.operations();
}

TEST_CASE("killed anywhere and cut in any way, SQLite keeps what it acknowledged") {
  const std::string journal = GENERATE("DELETE", "TRUNCATE", "PERSIST");
  const std::uint64_t block_bytes = GENERATE(512u, 4096u);
  const std::uint64_t operations = operations_of_scenario(journal, "EXTRA");
  REQUIRE(operations > 40);
  Sweep sweep;
  for (std::uint64_t at = 1; at <= operations; ++at) {
    for (const FaultKind kind : {FaultKind::kill, FaultKind::kill_halfway}) {
      sweep.run(journal, "EXTRA", block_bytes, {kind, at});
    }
  }
  CAPTURE(journal, block_bytes);
  REQUIRE(sweep.faults == static_cast<int>(2 * operations));
  REQUIRE(sweep.broken == 0);
  REQUIRE(sweep.lost == 0);
}

TEST_CASE("without syncs the simulation loses commits and breaks the database") {
  const std::uint64_t operations = operations_of_scenario("DELETE", "OFF");
  Sweep sweep;
  for (std::uint64_t at = 1; at <= operations; ++at) sweep.run("DELETE", "OFF", 4096, {FaultKind::kill, at});
  REQUIRE(sweep.lost > 0);
  REQUIRE(sweep.broken > 0);
}

TEST_CASE("without the directory's sync a commit may come undone, which is why EXTRA is asked for") {
  SimulatedDisk disk;
  const Process process(disk);
  Database database(process, "DELETE", "FULL");
  REQUIRE(scenario(database) == 3);
  REQUIRE(transactions_in(*disk.after_power_loss(PowerLoss::lose_entries), "DELETE") == 2);
}

TEST_CASE("each fault reaches SQLite as its code, and the database stays whole") {
  const std::uint64_t operations = operations_of_scenario("DELETE", "EXTRA");
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::no_space, FaultKind::failed_sync}) {
    Sweep sweep;
    for (std::uint64_t at = 1; at <= operations; ++at) {
      SimulatedDisk disk;
      int acknowledged = 0;
      {
        const Process process(disk, {.fault = Fault{kind, at}});
        Database database(process, "DELETE");
        acknowledged = scenario(database);
        if (process.fault_met()) ++sweep.faults;
      }
      CAPTURE(to_string(kind), at);
      REQUIRE(transactions_in(disk, "DELETE") >= acknowledged);
    }
    REQUIRE(sweep.faults > 5);
  }
}

TEST_CASE("a full disk is SQLITE_FULL, a failing one an SQLITE_IOERR of its kind") {
  const auto code_of_insert = [](FaultKind kind) {
    SimulatedDisk disk;
    const Process process(disk, {.fault = Fault{kind, operations_of_scenario("PERSIST", "EXTRA") + 1, true}});
    Database database(process, "PERSIST");
    REQUIRE(scenario(database) == 3);
    return database.run("INSERT INTO t VALUES(9, 'x')");
  };
  REQUIRE(code_of_insert(FaultKind::no_space) == SQLITE_FULL);
  REQUIRE(code_of_insert(FaultKind::io_error) == SQLITE_IOERR_WRITE);
  REQUIRE(code_of_insert(FaultKind::failed_sync) == SQLITE_IOERR_FSYNC);
  REQUIRE((code_of_insert(FaultKind::kill) & 0xff) == SQLITE_IOERR);
}

TEST_CASE("processes exclude each other as on a real machine") {
  SimulatedDisk disk;
  const Process one(disk);
  const Process two(disk);
  Database writer(one, "DELETE");
  Database other(two, "DELETE");
  REQUIRE(scenario(writer) == 3);
  REQUIRE(writer.run("BEGIN IMMEDIATE; INSERT INTO t VALUES(4, 'x')") == SQLITE_OK);
  REQUIRE(other.ask("SELECT count(*) FROM t") == "3");
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_BUSY);
  REQUIRE(other.run("BEGIN; SELECT count(*) FROM t") == SQLITE_OK);
  REQUIRE(writer.run("COMMIT") == SQLITE_BUSY);
  // The reader may finish, but no new one starts before the writer.
  REQUIRE(Database(two, "DELETE").run("SELECT count(*) FROM t") == SQLITE_BUSY);
  REQUIRE(other.run("COMMIT") == SQLITE_OK);
  REQUIRE(writer.run("COMMIT") == SQLITE_OK);
  REQUIRE(other.ask("SELECT count(*) FROM t") == "4");
}

TEST_CASE("the lock and the half-written changes of a killed process go with it") {
  SimulatedDisk disk;
  Process one(disk);
  const Process two(disk);
  Database writer(one, "DELETE");
  REQUIRE(scenario(writer) == 3);
  // A tiny cache spills changed pages into the database before the commit, under an exclusive lock.
  REQUIRE(writer.run("PRAGMA cache_size=1; BEGIN IMMEDIATE; "
                     "WITH RECURSIVE c(n) AS (VALUES(10) UNION ALL SELECT n + 1 FROM c WHERE n < 60) "
                     "INSERT INTO t SELECT n, hex(zeroblob(3000)) FROM c") == SQLITE_OK);
  Database other(two, "DELETE");
  REQUIRE(other.run("SELECT count(*) FROM t") == SQLITE_BUSY);
  one.kill();
  REQUIRE(other.ask("SELECT count(*) FROM t") == "3");
  REQUIRE(other.ask("PRAGMA integrity_check") == "ok");
  REQUIRE((writer.run("COMMIT") & 0xff) == SQLITE_IOERR);
  REQUIRE(other.ask("SELECT count(*) FROM t") == "3");
}

TEST_CASE("closing another descriptor of the database drops its locks, as POSIX does") {
  SimulatedDisk disk;
  Process one(disk);
  const Process two(disk);
  Database writer(one, "DELETE");
  REQUIRE(writer.run("BEGIN IMMEDIATE; CREATE TABLE t(n)") == SQLITE_OK);
  Database other(two, "DELETE");
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_BUSY);
  one.open(kDatabase, false).reset();
  REQUIRE(other.run("BEGIN IMMEDIATE") == SQLITE_OK);
}

TEST_CASE("a write-ahead log is refused, and temporary files work") {
  SimulatedDisk disk;
  const Process process(disk);
  Database database(process, "DELETE");
  REQUIRE(database.ask("PRAGMA journal_mode=WAL") == "delete");
  REQUIRE(scenario(database) == 3);
  REQUIRE(database.run("PRAGMA temp_store=FILE") == SQLITE_OK);
  REQUIRE(database.run("CREATE TEMP TABLE copy AS SELECT a.text FROM t a, t b, t c") == SQLITE_OK);
  REQUIRE(database.ask("SELECT count(*) FROM copy") == "27");
  REQUIRE(database.run("VACUUM") == SQLITE_OK);
  REQUIRE(database.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("each process has a VFS of its own, which is gone with it") {
  SimulatedDisk disk;
  std::string name;
  {
    const Process one(disk);
    const Process two(disk);
    name = one.sqlite_vfs();
    REQUIRE(name != two.sqlite_vfs());
    REQUIRE(sqlite3_vfs_find(name.c_str()) != nullptr);
    REQUIRE(sqlite3_vfs_find(nullptr) != sqlite3_vfs_find(name.c_str()));
  }
  REQUIRE(sqlite3_vfs_find(name.c_str()) == nullptr);
}

}  // namespace
}  // namespace lastgood::test

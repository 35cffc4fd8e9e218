// The simulation's faults: counted precisely, and with no more and no less effect than a real one.
#include "tests/support/fault_plan.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "tests/support/bytes.h"
#include "tests/support/process.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

/// One of each operation that is counted, and some that are not.
void scenario(Process& process) {
  process.make_directory("/d");                 // 1
  process.sync_directory("/");                  // 2
  const auto file = process.create("/d/f");     // 3
  file->write_some(0, bytes_of("0123456789"));  // 4
  file->start_writeback(0, 10);
  file->sync_data();                                                       // 5
  process.rename("/d/f", "/d/g");                                          // 6
  file->punch_hole(0, 5);                                                  // 7
  const auto lock = process.try_lock("/d/lock", io::LockMode::exclusive);  // 8
  process.info("/d/g");
  process.list("/d");
  process.unlink("/d/g");  // 9
}

TEST_CASE("an undisturbed run counts its changes, and its reads on request") {
  SimulatedDisk disk;
  Process process(disk);
  scenario(process);
  REQUIRE(process.operations() == 9);
  REQUIRE_FALSE(process.fault_met().has_value());
  SimulatedDisk other;
  Process reading(other, {.fault = {}, .count_reads = true});
  scenario(reading);
  REQUIRE(reading.operations() == 11);
}

TEST_CASE("each operation can fail, and says what it was") {
  const std::vector<std::string> names = {"make_directory /d", "sync_directory /", "create /d/f",
                                          "write /d/f",        "sync /d/f",        "rename /d/f",
                                          "punch /d/f",        "create /d/lock",   "remove /d/g"};
  for (std::size_t at = 1; at <= names.size(); ++at) {
    SimulatedDisk disk;
    Process process(disk, {.fault = Fault{FaultKind::io_error, at}});
    const Error error = thrown_by([&] { scenario(process); });
    REQUIRE(error.code() == ErrorCode::io);
    REQUIRE(error.os_error() == EIO);
    REQUIRE(process.fault_met() == names[at - 1]);
    REQUIRE_FALSE(process.killed());
  }
}

TEST_CASE("a kind of fault that does not apply to an operation leaves it alone") {
  for (const auto& [kind, at] : {std::pair{FaultKind::no_space, 9}, std::pair{FaultKind::short_write, 5},
                                 std::pair{FaultKind::failed_sync, 4}, std::pair{FaultKind::failed_sync, 2}}) {
    SimulatedDisk disk;
    Process process(disk, {.fault = Fault{kind, static_cast<std::uint64_t>(at)}});
    scenario(process);
    REQUIRE_FALSE(process.fault_met().has_value());
  }
}

TEST_CASE("another process can work before a chosen operation, once") {
  SimulatedDisk disk;
  Process other(disk);
  int pauses = 0;
  FaultPlan plan;
  plan.pause_at = 3;
  plan.pause = [&] {
    ++pauses;
    REQUIRE(disk.exists("/d"));
    REQUIRE_FALSE(disk.exists("/d/f"));
    other.create("/d/other");
  };
  Process process(disk, plan);
  scenario(process);
  REQUIRE(pauses == 1);
  REQUIRE(process.operations() == 9);
  REQUIRE(disk.exists("/d/other"));
}

TEST_CASE("a process that is killed while another works does not go on") {
  SimulatedDisk disk;
  Process* victim = nullptr;
  FaultPlan plan;
  plan.pause_at = 3;
  plan.pause = [&] { victim->kill(); };
  Process process(disk, plan);
  victim = &process;
  REQUIRE_THROWS_AS(scenario(process), Killed);
  REQUIRE_FALSE(disk.exists("/d/f"));
}

TEST_CASE("an error has no effect and is over afterwards") {
  SimulatedDisk disk;
  Process process(disk, {.fault = Fault{FaultKind::no_space, 2}});
  const auto file = process.create("/f");
  const Error error = thrown_by([&] { file->write_some(0, bytes_of("abc")); });
  REQUIRE(error.code() == ErrorCode::no_space);
  REQUIRE(error.os_error() == ENOSPC);
  REQUIRE(disk.contents("/f").empty());
  REQUIRE(file->write_some(0, bytes_of("abc")) == 3);
}

TEST_CASE("a full disk stays full, but lets things be removed") {
  SimulatedDisk disk;
  Process process(disk, {.fault = Fault{FaultKind::no_space, 2, true}});
  const auto file = process.create("/f");
  REQUIRE(thrown_by([&] { file->write_some(0, bytes_of("abc")); }).code() == ErrorCode::no_space);
  REQUIRE(thrown_by([&] { process.create("/g"); }).code() == ErrorCode::no_space);
  process.unlink("/f");
  REQUIRE_FALSE(disk.exists("/f"));
}

TEST_CASE("a short write does half, once") {
  SimulatedDisk disk;
  Process process(disk, {.fault = Fault{FaultKind::short_write, 2}});
  const auto file = process.create("/f");
  REQUIRE(file->write_some(0, bytes_of("abcdef")) == 3);
  REQUIRE(disk.contents("/f") == bytes_of("abc"));
  REQUIRE(file->write_some(3, bytes_of("def")) == 3);
}

TEST_CASE("after a failed sync the data look well, later syncs succeed, and the data are not on the disk") {
  SimulatedDisk disk;
  Process process(disk, {.fault = Fault{FaultKind::failed_sync, 3}});
  const auto file = process.create("/f");
  file->write_some(0, bytes_of("abc"));
  REQUIRE(thrown_by([&] { file->sync_data(); }).os_error() == EIO);
  file->sync_data();
  process.sync_directory("/");
  REQUIRE(disk.contents("/f") == bytes_of("abc"));
  REQUIRE(disk.after_power_loss(PowerLoss::keep_everything)->contents("/f") == Bytes(3));
  file->write_some(0, bytes_of("A"));
  file->sync_data();
  REQUIRE(disk.after_power_loss(PowerLoss::lose_unsynced)->contents("/f") == bytes_of("Abc"));
}

TEST_CASE("a kill comes before the operation, and everything after it is dead") {
  SimulatedDisk disk;
  Process process(disk, {.fault = Fault{FaultKind::kill, 3}});
  const auto file = process.create("/f");
  file->write_some(0, bytes_of("abc"));
  REQUIRE_THROWS_AS(file->write_some(0, bytes_of("xyz")), Killed);
  REQUIRE(process.killed());
  Bytes out(1);
  REQUIRE_THROWS_AS(file->write_some(0, bytes_of("xyz")), Killed);
  REQUIRE_THROWS_AS(file->read_some(0, out), Killed);
  REQUIRE_THROWS_AS(file->size(), Killed);
  REQUIRE_THROWS_AS(process.info("/f"), Killed);
  REQUIRE_THROWS_AS(process.unlink("/f"), Killed);
  REQUIRE_THROWS_AS(process.try_lock("/l", io::LockMode::shared), Killed);
  file->start_writeback(0, 3);
  REQUIRE(disk.contents("/f") == bytes_of("abc"));
}

TEST_CASE("a kill halfway leaves half a write, or an effect of which the process does not learn") {
  SimulatedDisk disk;
  Process writer(disk, {.fault = Fault{FaultKind::kill_halfway, 2}});
  const auto file = writer.create("/f");
  REQUIRE_THROWS_AS(file->write_some(0, bytes_of("abcdef")), Killed);
  REQUIRE(disk.contents("/f") == bytes_of("abc"));
  Process creator(disk, {.fault = Fault{FaultKind::kill_halfway, 1}});
  REQUIRE_THROWS_AS(creator.create("/g"), Killed);
  REQUIRE(disk.exists("/g"));
  Process syncer(disk, {.fault = Fault{FaultKind::kill_halfway, 1}});
  REQUIRE_THROWS_AS(syncer.sync_directory("/"), Killed);
  REQUIRE(disk.after_power_loss(PowerLoss::lose_unsynced)->exists("/g"));
}

TEST_CASE("a kill frees the locks, and what the dead still hold keeps nobody out") {
  SimulatedDisk disk;
  Process one(disk);
  Process two(disk);
  const auto held = one.try_lock("/lock", io::LockMode::exclusive);
  REQUIRE(two.try_lock("/lock", io::LockMode::shared) == nullptr);
  one.kill();
  auto taken = two.try_lock("/lock", io::LockMode::exclusive);
  REQUIRE(taken != nullptr);
  REQUIRE_THROWS_AS(held->write_note("I am alive"), Killed);
  REQUIRE(two.lock_note("/lock").empty());
}

TEST_CASE("a read can fail where reads are counted") {
  SimulatedDisk disk;
  Process writer(disk);
  writer.create("/f")->write_some(0, bytes_of("abc"));
  Process reader(disk, {.fault = Fault{FaultKind::io_error, 2}, .count_reads = true});
  const auto file = reader.open("/f", false);
  Bytes out(3);
  REQUIRE(thrown_by([&] { file->read_some(0, out); }).os_error() == EIO);
  REQUIRE(file->read_some(0, out) == 3);
}

TEST_CASE("a kill stops every thread, and nothing that comes later reaches the disk") {
  SimulatedDisk disk;
  constexpr std::uint64_t kLast = 500;
  Process process(disk, {.fault = Fault{FaultKind::kill, kLast + 1}});
  std::atomic<std::uint64_t> created = 0;
  std::atomic<int> killed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      try {
        for (int i = 0;; ++i, ++created) process.create("/" + std::to_string(t) + "-" + std::to_string(i));
      } catch (const Killed&) {
        ++killed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(killed == 4);
  REQUIRE(created == kLast);
  Process later(disk);
  REQUIRE(later.list("/").size() == kLast);
}

TEST_CASE("every kind of fault and of loss has a name of its own") {
  std::vector<std::string> names;
  for (const FaultKind kind : kFaultKinds) names.emplace_back(to_string(kind));
  for (const PowerLoss loss : kPowerLosses) names.emplace_back(to_string(loss));
  std::sort(names.begin(), names.end());
  REQUIRE(std::adjacent_find(names.begin(), names.end()) == names.end());
}

}  // namespace
}  // namespace lastgood::test

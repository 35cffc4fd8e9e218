// A rebuild that is cut anywhere leaves the old catalog, none, or the new one, and never a wrong one.
#include <catch2/catch.hpp>

#include <stdexcept>

#include <lastgood/verify.h>

#include "store/catalog/connection.h"
#include "store/rebuild_on.h"
#include "tests/store/simulated_store.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

/// A disk with a store of three checkpoints.
std::unique_ptr<SimulatedDisk> disk_with_store() {
  auto disk = std::make_unique<SimulatedDisk>();
  Process process(*disk);
  StoreFixture store(process);
  for (Step step = 1; step <= 3; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step), 1)});
  }
  return disk;
}

std::unique_ptr<SimulatedDisk> copy_of(const SimulatedDisk& disk) {
  return disk.after_power_loss(PowerLoss::keep_everything);
}

bool is_sound(SimulatedDisk& disk) {
  Process process(disk);
  const Store store = open_store("/store", OpenMode::open, {}, process);
  return list_checkpoints(store).size() == 3 && verify(store).ok();
}

/// True where a process that comes later finds either a whole store, or none and can rebuild it.
bool recovers(SimulatedDisk& disk) {
  {
    Process process(disk);
    if (!process.info("/store/catalog.db")) rebuild_on("/store", false, {}, process);
  }
  return is_sound(disk);
}

/// The same after a process was killed in the middle of a commit: only the journal makes the catalog whole again.
std::unique_ptr<SimulatedDisk> disk_with_hot_journal() {
  const auto whole = disk_with_store();
  for (std::uint64_t at = 1;; ++at) {
    auto disk = copy_of(*whole);
    Process process(*disk, {Fault{FaultKind::kill, at, false}, false});
    try {
      const Store store = open_store("/store", OpenMode::open, {}, process);
      store.impl().use().write(catalog::Durability::durable, [](catalog::Connection& db) {
        db.execute("UPDATE checkpoint SET step = step + 100; UPDATE blob SET refs = refs + 1");
      });
      throw std::logic_error("no kill left the catalog torn");
    } catch (const Killed&) {
    } catch (const Error&) {
    }
    const auto bare = copy_of(*disk);
    bare->remove("/store/catalog.db-journal");
    if (!is_sound(*bare)) return disk;
  }
}

std::uint64_t operations_of_a_rebuild() {
  const auto disk = disk_with_store();
  Process process(*disk);
  rebuild_on("/store", false, {}, process);
  return process.operations();
}

void rebuild_until_cut(Process& process) {
  try {
    rebuild_on("/store", false, {}, process);
  } catch (const Killed&) {
  } catch (const Error&) {
    // Where SQLite met the fault, it is told as an error.
  }
}

}  // namespace

TEST_CASE("a rebuild killed at any operation leaves a store that opens, or one that says it has lost its catalog") {
  const auto whole = disk_with_store();
  const std::uint64_t operations = operations_of_a_rebuild();
  CHECK(operations > 20);
  for (std::uint64_t at = 1; at <= operations; ++at) {
    for (const FaultKind kind : {FaultKind::kill, FaultKind::kill_halfway}) {
      const auto disk = copy_of(*whole);
      {
        Process process(*disk, {Fault{kind, at, false}, false});
        rebuild_until_cut(process);
      }
      CAPTURE(at, to_string(kind));
      CHECK(recovers(*disk));
    }
  }
}

TEST_CASE("a rebuild that loses power at any operation leaves the same") {
  const auto whole = disk_with_store();
  const std::uint64_t operations = operations_of_a_rebuild();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    const auto disk = copy_of(*whole);
    Process process(*disk, {Fault{FaultKind::kill, at, false}, false});
    rebuild_until_cut(process);
    for (const PowerLoss loss : kPowerLosses) {
      const auto later = disk->after_power_loss(loss, at);
      CAPTURE(at, to_string(loss));
      CHECK(recovers(*later));
    }
  }
}

TEST_CASE("an old catalog that needs its journal is never found without it") {
  const auto hot = disk_with_hot_journal();
  const std::uint64_t operations = operations_of_a_rebuild();
  // The old catalog is touched at the end only, by no more than some thirty operations.
  REQUIRE(operations > 40);
  for (std::uint64_t at = operations - 40; at <= operations; ++at) {
    const auto disk = copy_of(*hot);
    Process process(*disk, {Fault{FaultKind::kill, at, false}, false});
    rebuild_until_cut(process);
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      CAPTURE(at, seed);
      CHECK(recovers(*disk->after_power_loss(PowerLoss::random_subset, seed)));
    }
  }
}

TEST_CASE("a rebuild that meets an error tells it, and leaves the same") {
  const auto whole = disk_with_store();
  const std::uint64_t operations = operations_of_a_rebuild();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    for (const FaultKind kind : {FaultKind::io_error, FaultKind::no_space, FaultKind::failed_sync}) {
      const auto disk = copy_of(*whole);
      {
        Process process(*disk, {Fault{kind, at, false}, false});
        rebuild_until_cut(process);
      }
      CAPTURE(at, to_string(kind));
      CHECK(recovers(*disk));
    }
  }
}

// Exports and imports that are cut, or meet errors, at every operation: a file is whole or not there, an import is a
// checkpoint or none.
#include <catch2/catch.hpp>

#include <lastgood/interchange.h>
#include <lastgood/load.h>
#include <lastgood/verify.h>

#include "store/format/safetensors.h"
#include "tests/store/simulated_store.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

constexpr const char* kFile = "/out/f.safetensors";

/// A disk with a store of one checkpoint, and a folder beside it.
std::unique_ptr<SimulatedDisk> disk_with_store() {
  auto disk = std::make_unique<SimulatedDisk>();
  Process process(*disk);
  StoreFixture store(process);
  store.save({.step = 1, .entries = weights(1, 3)});
  process.make_directory("/out");
  process.sync_directory("/");
  return disk;
}

std::unique_ptr<SimulatedDisk> copy_of(const SimulatedDisk& disk) {
  return disk.after_power_loss(PowerLoss::keep_everything);
}

void export_on(Process& process) {
  const Store store = open_store("/store", OpenMode::open, {}, process);
  export_safetensors(store, {1}, kFile, {.section = {}, .replace = true, .threads = 1});
}

void import_on(Process& process) {
  Store store = open_store("/store", OpenMode::open, {}, process);
  import_safetensors(store, kFile, "imported", {.threads = 1});
}

/// How it ended. A process that SQLite met the kill in gets an error.
enum class End { acknowledged, refused, died };

template <class Call>
End run(Process& process, const Call& call) {
  try {
    call(process);
    return End::acknowledged;
  } catch (const Killed&) {
    return End::died;
  } catch (const Error&) {
    return process.killed() ? End::died : End::refused;
  }
}

template <class Call>
std::uint64_t operations_of(const SimulatedDisk& whole, const Call& call) {
  const auto disk = copy_of(whole);
  Process process(*disk);
  call(process);
  return process.operations();
}

/// The file has exactly these bytes.
bool has(const SimulatedDisk& disk, const Bytes& bytes) {
  return disk.exists(kFile) && disk.contents(kFile) == bytes;
}

std::size_t files_in_folder(SimulatedDisk& disk) {
  Process process(disk);
  return process.list("/out").size();
}

/// Whether the import is there as a whole. Fails the test where the store is not sound.
bool has_import(SimulatedDisk& disk) {
  Process process(disk);
  const Store store = open_store("/store", OpenMode::open, {}, process);
  CHECK(verify(store).ok());
  const auto all = list_checkpoints(store, {.run = "imported"});
  CHECK(all.size() <= 1);
  if (all.empty()) return false;
  const auto loaded = load_to_host(store, all[0].id);
  const auto expected = load_to_host(store, {1});
  CHECK(loaded.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(loaded[i].spec == expected[i].spec);
    CHECK(std::equal(expected[i].data.get(), expected[i].data.get() + expected[i].spec.byte_count(),
                     loaded[i].data.get()));
  }
  return true;
}

}  // namespace

TEST_CASE("an export killed or without power at any operation leaves the old file or the new one, never a torn one") {
  const auto whole = disk_with_store();
  const std::uint64_t operations = operations_of(*whole, export_on);
  CHECK(operations > 5);
  const auto exported = copy_of(*whole);
  {
    Process process(*exported);
    export_on(process);
  }
  const Bytes fresh = exported->contents(kFile);
  Bytes old = fresh;
  old.pop_back();
  exported->truncate(kFile, old.size());
  for (std::uint64_t at = 1; at <= operations + 1; ++at) {
    const auto disk = copy_of(*exported);
    End end{};
    {
      Process process(*disk, {Fault{FaultKind::kill, at, false}, false});
      end = run(process, export_on);
    }
    CAPTURE(at);
    CHECK((has(*disk, fresh) || has(*disk, old)));
    for (const PowerLoss loss : kPowerLosses) {
      const auto later = disk->after_power_loss(loss, at);
      CAPTURE(to_string(loss));
      CHECK((has(*later, fresh) || (end != End::acknowledged && has(*later, old))));
    }
  }
}

TEST_CASE("an export that meets an error, a full disk and a failed sync included, leaves neither file nor temporary") {
  const auto whole = disk_with_store();
  const std::uint64_t operations = operations_of(*whole, export_on);
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::no_space, FaultKind::failed_sync}) {
    std::size_t refusals = 0;
    for (std::uint64_t at = 1; at <= operations; ++at) {
      const auto disk = copy_of(*whole);
      Process process(*disk, {Fault{kind, at, false}, false});
      const End end = run(process, export_on);
      CAPTURE(at, to_string(kind), process.fault_met().value_or("none"));
      // The folder's sync comes after the file has its name: then it is whole, though not known to be durable.
      if (end == End::refused && disk->exists(kFile)) CHECK(process.fault_met()->find("sync") != std::string::npos);
      if (end == End::refused && !disk->exists(kFile) && process.fault_met()->find("unlink") == std::string::npos) {
        CHECK(files_in_folder(*disk) == 0);
      }
      refusals += end == End::refused ? 1 : 0;
    }
    CHECK(refusals > 0);
  }
}

TEST_CASE("an import killed or without power at any operation is a checkpoint, or none") {
  const auto whole = disk_with_store();
  {
    Process process(*whole);
    export_on(process);
  }
  const std::uint64_t operations = operations_of(*whole, import_on);
  CHECK(operations > 20);
  for (std::uint64_t at = 1; at <= operations; ++at) {
    const auto disk = copy_of(*whole);
    End end{};
    {
      Process process(*disk, {Fault{FaultKind::kill, at, false}, false});
      end = run(process, import_on);
    }
    for (const PowerLoss loss : {PowerLoss::lose_unsynced, PowerLoss::random_subset}) {
      CAPTURE(at, to_string(loss));
      const bool there = has_import(*disk->after_power_loss(loss, at));
      CHECK((there || end != End::acknowledged));
    }
  }
}

TEST_CASE("an import that meets an error at any operation says so, or has succeeded") {
  const auto whole = disk_with_store();
  {
    Process process(*whole);
    export_on(process);
  }
  const std::uint64_t operations = operations_of(*whole, import_on);
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::no_space, FaultKind::failed_sync}) {
    for (std::uint64_t at = 1; at <= operations; ++at) {
      const auto disk = copy_of(*whole);
      Process process(*disk, {Fault{kind, at, false}, false});
      const End end = run(process, import_on);
      CAPTURE(at, to_string(kind));
      const bool there = has_import(*disk);
      CHECK((there || end != End::acknowledged));
    }
  }
}

// A StoreFixture on a simulated disk of its own.
#pragma once

#include "tests/store/store_fixture.h"
#include "tests/support/process.h"
#include "tests/support/simulated_disk.h"

namespace lastgood::test {

struct SimulatedMachine {
  explicit SimulatedMachine(DiskOptions options) : disk(options), process(disk) {}
  SimulatedDisk disk;
  Process process;
};

/// The machine is a base, so that it is there before the store and after it.
struct SimulatedStore : SimulatedMachine, StoreFixture {
  explicit SimulatedStore(DiskOptions options = {}) : SimulatedMachine(options), StoreFixture(process) {}
};

inline constexpr DiskOptions kWithoutHoles{.block_bytes = 4096, .has_holes = false, .is_local = true};

}  // namespace lastgood::test

// What is swept: a base disk, made once, and what one process does on a copy of it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/fault/harness/actor.h"
#include "tests/fault/harness/invariants.h"

namespace lastgood::test {

/// A disk to start from, and what was promised on it.
struct Base {
  std::unique_ptr<SimulatedDisk> disk;
  Ledger ledger;

  std::unique_ptr<SimulatedDisk> clone() const { return disk->after_power_loss(PowerLoss::keep_everything); }
};

/// A store with runs "a" and "b", made once:
///   step  run
///   1     a    w1 u1 v1 b1
///   2     a    w2 u2 v1 b2
///   3     a    w3 u3 v3 b3   forgotten, not yet collected
///   4     a    w4 u2 v3 b4   tagged
///   5     a    w5 u2 v3 b5   stable; the head
///   6     b    w1 u6 v1 b6
///   7     b    w7 u6 v7 b7   the head
const Base& filled(bool has_holes = true);
/// Nothing at all.
const Base& empty();

enum class Trouble { none, once, lasting };

/// What a scenario has at hand.
struct Stage {
  SimulatedDisk& disk;
  Process& process;
  Ledger& ledger;
  Trouble trouble = Trouble::none;
};

struct Scenario {
  std::string name;
  const Base& (*base)() = nullptr;
  std::function<void(Stage&)> run;
  Repair repair = Repair::none;
};

// The scenarios. All but those of a save end by the exception of what failed.
Scenario save(Way way);
Scenario forget();
Scenario collect();                // unlinks a pack and punches others
Scenario collect_by_compaction();  // on a disk without holes
Scenario session();
Scenario rollback();
Scenario create();
Scenario rebuild();

}  // namespace lastgood::test

// What another process does in the middle of a scenario, and the scenarios that have such neighbours.
#pragma once

#include <memory>

#include "tests/fault/harness/sweep.h"

namespace lastgood::test {

/// Forgets what can be forgotten of what `save` matches, and collects; `times` times.
void forget_and_collect(Stage& stage);
/// The same in two collections that each move something where the disk has no holes.
void collect_twice(Stage& stage);
/// The same, killed at its `at`-th operation.
void collect_and_die(Stage& stage, std::uint64_t at);
/// A collection alone.
void collect_now(Stage& stage);
/// A whole save in run "b" of what `save` saves in run "a".
void save_beside(Stage& stage);

/// Loads the checkpoint of a step: its bytes, or not_found where somebody has asked to forget it.
Scenario load(Step step, bool has_holes);

/// A collection beside which a session of run "b" is open, in another process, that knows all blobs from an earlier
/// save; `save_by_veteran` saves by it. One pair for one interleaving.
struct Veteran {
  Scenario collection;
  Other save;
};
Veteran collection_beside_veteran();

}  // namespace lastgood::test

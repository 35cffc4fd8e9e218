// The sweeps: a scenario, disturbed at every single operation in every way, and all invariants checked each time.
//
// A point is one scenario, one kind of fault and one operation. A point at which the kind does not apply is not tried
// and not counted. To repeat the one that a failure names: LASTGOOD_POINT=... in the environment of the tests.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/fault/harness/scenario.h"

namespace lastgood::test {

struct FaultMode {
  const char* name;
  FaultKind kind;
  Trouble trouble = Trouble::once;
};

inline constexpr FaultMode kKills[] = {{"kill", FaultKind::kill}, {"kill_halfway", FaultKind::kill_halfway}};
inline constexpr FaultMode kErrors[] = {
    {"io_error", FaultKind::io_error},       {"io_error_lasting", FaultKind::io_error, Trouble::lasting},
    {"no_space", FaultKind::no_space},       {"no_space_lasting", FaultKind::no_space, Trouble::lasting},
    {"short_write", FaultKind::short_write}, {"failed_sync", FaultKind::failed_sync}};
inline constexpr FaultMode kFewErrors[] = {{"io_error", FaultKind::io_error},
                                           {"no_space_lasting", FaultKind::no_space, Trouble::lasting},
                                           {"failed_sync", FaultKind::failed_sync}};

struct Loss {
  PowerLoss kind;
  std::uint64_t seed = 0;
};

inline constexpr Loss kAllLosses[] = {{PowerLoss::lose_unsynced},    {PowerLoss::only_entries},
                                      {PowerLoss::zero_contents},    {PowerLoss::stale_contents},
                                      {PowerLoss::lose_entries},     {PowerLoss::random_subset, 1},
                                      {PowerLoss::random_subset, 2}, {PowerLoss::keep_everything}};
inline constexpr Loss kOneLoss[] = {{PowerLoss::random_subset, 1}};
inline constexpr Loss kFewLosses[] = {{PowerLoss::lose_unsynced}, {PowerLoss::random_subset, 1}};

/// What was tried. The first violation ends a sweep.
struct Tally {
  std::string scenario;
  std::uint64_t operations = 0;
  std::uint64_t points = 0;
  std::uint64_t disks = 0;  // looked at: after a kill or error, and after each power loss that left another disk
  std::optional<std::string> violation;
};

/// One line on standard output.
void print(const Tally& tally);

/// After each fault, checks the disk as the running machine has it, and as each of `losses` leaves it.
Tally sweep(const Scenario& scenario, std::span<const FaultMode> modes, std::span<const Loss> losses);
/// Before every operation (with `count_reads`, every read, too) of `scenario`, `other` does all its work; the scenario
/// must succeed. `other` may find the store busy, and nothing else may go wrong with it.
using Other = std::function<void(Stage&)>;
Tally interleave(const Scenario& scenario, const std::string& name, const Other& other, bool count_reads = false);

/// True where LASTGOOD_POINT asks for a single point: counts then mean nothing.
bool one_point_only();

}  // namespace lastgood::test

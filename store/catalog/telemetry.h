// Telemetry: branches, observations, events, recoveries, costs of saves. What the columns mean: FORMAT.md.
// Each function runs inside a transaction of the caller's. Questions to a catalog of version 1 have empty answers. None
// of it is needed to load or to resume: it may be missing, and is never a reason to refuse a store.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/telemetry.h>

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Connection;

using BranchId = Id<struct BranchTag>;

/// The state of the session's run was just set to `base` (nothing: a fresh start).
BranchId begin_branch(Connection& db, SessionId session, std::optional<CheckpointId> base);

/// What is buffered between two commits.
struct TelemetryBatch {
  std::vector<Observation> observations;
  std::vector<Event> events;
  std::vector<SaveCost> costs;
  bool empty() const noexcept { return observations.empty() && events.empty() && costs.empty(); }
};
/// These assign rows and may run again with their transaction. An observation replaces an earlier one of its step and
/// branch.
void insert_observations(Connection& db, BranchId branch, std::span<const Observation> observations);
void insert_telemetry(Connection& db, BranchId branch, const TelemetryBatch& batch);
/// A cost of a checkpoint that has one on this branch already completes it: a save writes what it knows of its own with
/// its commit, so that the step which was saved outlives both a crash and the checkpoint.
void insert_costs(Connection& db, BranchId branch, std::span<const SaveCost> costs);

RecoveryId insert_recovery(Connection& db, BranchId branch, const Recovery& recovery);
/// The outcome, the action and the detail change; the rest stays. Throws Error(not_found).
void update_recovery(Connection& db, const Recovery& recovery);

/// In the order of their steps; the three below newest first. Errors: not_found for a run that is not there.
std::vector<Observation> list_observations(Connection& db, const ObservationQuery& query);
std::vector<Event> list_events(Connection& db, const EventQuery& query);
std::vector<Recovery> list_recoveries(Connection& db, const std::optional<std::string>& run);
std::vector<SaveCost> list_save_costs(Connection& db, const std::optional<std::string>& run, std::uint64_t limit);

}  // namespace lastgood::catalog

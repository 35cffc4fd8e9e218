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

/// The state of the session's run was just set to `base` (nothing: a fresh start). Needs Catalog::write(), in the
/// commit that moves the head or begins the session. By keys.
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

/// Needs Catalog::write(), durable: a ladder that forgot a rung would take it again.
RecoveryId insert_recovery(Connection& db, BranchId branch, const Recovery& recovery);
/// Action, outcome, what was restored, the step resumed and the detail change; when, where and what failed stays. By
/// the key. Throws Error(not_found).
void update_recovery(Connection& db, const Recovery& recovery);

/// In the order of their steps; the three below newest first. By the key of observation, stretch by stretch along the
/// lineage. Error: not_found for a run that is not there.
std::vector<Observation> list_observations(Connection& db, const ObservationQuery& query);
/// Along a lineage by event_branch, and then with the same error; else along the key, from the newest on.
std::vector<Event> list_events(Connection& db, const EventQuery& query);
/// What failed, and what was done? Along the key; there are few rows.
std::vector<Recovery> list_recoveries(Connection& db, const std::optional<std::string>& run);
/// What did the newest saves cost? Along the key, from the newest on: a limit ends the walk.
std::vector<SaveCost> list_save_costs(Connection& db, const std::optional<std::string>& run, std::uint64_t limit);

}  // namespace lastgood::catalog

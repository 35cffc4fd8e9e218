// What a run tells of itself between its checkpoints: scalars of each step, events, recoveries, what its saves cost.
//
// A session records; anybody asks, also while the trainer runs. Observations, events and save costs are buffered and
// written behind the trainer's back (in the commit of each save, every 1,024 records, at the session's end): a crash
// loses the newest batch, never a checkpoint; a save's own cost is in its commit, with the times so far. Recoveries are
// durable at once. Telemetry is not part of the packs: a rebuild of a lost catalog brings none of it back.
//
// Steps are told apart by branch: one uninterrupted walk of the training state, from a session's start or a rollback to
// the next one. A question about a lineage leaves out what happened on branches that were abandoned.
//
// Plain values; questions are safe from any thread and see one snapshot each. A store that was opened for reading only,
// and is of a version before there was telemetry, has empty answers. Errors of all questions: busy, corruption, io,
// permission.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/store.h>

namespace lastgood {

/// The verdict on one step. A step that nobody has checked is `unchecked`, never healthy. The numbers are in the
/// catalog and never change; larger is worse, but for `unchecked`.
enum class Health : std::uint8_t { unchecked = 0, healthy = 1, warning = 2, critical = 3 };
const char* to_string(Health health) noexcept;

/// Scalars of one step. Numbers may be NaN or infinite; nothing where it was not observed. The newest one of a step and
/// branch counts.
struct Observation {
  Step step = 0;
  std::optional<double> loss = {};
  std::optional<double> gradient_norm = {};
  std::optional<double> learning_rate = {};
  Health health = Health::unchecked;
  SessionId session = {};           // set by queries
  std::int64_t recorded_at_ms = 0;  // set when it is recorded; for people
  bool operator==(const Observation&) const = default;
};

/// Likewise. What they stand for is whoever records' to say; the monitor's are in monitor/README.md.
enum class Severity : std::uint8_t { info = 0, warning = 1, critical = 2 };
const char* to_string(Severity severity) noexcept;

/// Something that happened at a step: a detector's alarm, a rollback, a deadline. What is malformed (a kind of other
/// characters, a detail that is no JSON object) is not recorded. A message that is not clean UTF-8 or is longer than
/// 4,096 bytes is cut and quoted.
struct Event {
  Step step = 0;
  std::string kind = {};  // such as `nan_detected`; 1 to 64 characters of [a-z0-9_]
  Severity severity = Severity::info;
  std::string message = {};   // one line, for people
  std::string detail = "{}";  // a JSON object of at most 64 KiB
  std::string run = {};       // set by queries, as the rest
  SessionId session = {};
  std::int64_t recorded_at_ms = 0;  // set when it is recorded
};

/// What one save cost. Recorded by the session itself, for a save that failed as well.
struct SaveCost {
  Step step = 0;
  CheckpointKind kind = CheckpointKind::regular;
  std::optional<CheckpointId> checkpoint = {};  // nothing when the save failed
  std::uint64_t bytes_logical = 0;
  /// Added to the packs, headers and manifest included; little where most was in the store already.
  std::uint64_t bytes_new = 0;
  std::chrono::microseconds blocked{0};  // the trainer was held
  std::chrono::microseconds durable{0};  // from the call until the commit was on disk
  std::string error = {};                // empty when it succeeded
  SessionId session = {};
  std::int64_t recorded_at_ms = 0;
};

/// 0 until it was recorded.
using RecoveryId = Id<struct RecoveryTag>;

/// How a recovery ended. It has succeeded only after a probation of healthy steps. `probation`: not decided yet.
/// `relapsed`: the failure came back before the end. `failed`: nothing could be done. `halted`: the budget was spent.
/// These numbers are in the catalog and never change.
enum class RecoveryOutcome : std::uint8_t { probation = 0, succeeded = 1, relapsed = 2, failed = 3, halted = 4 };
const char* to_string(RecoveryOutcome outcome) noexcept;

/// One attempt to undo a failure. Written by Session::record(), which also takes the outcome later, by `id`.
struct Recovery {
  RecoveryId id = {};  // set by Session::record
  Step step = 0;       // where it failed
  /// As the trainer counts; not interpreted.
  std::int64_t epoch = 0;
  std::string failure = {};  // such as `nan_detected`
  std::string action = {};   // such as `reduce_lr_10x`
  RecoveryOutcome outcome = RecoveryOutcome::probation;
  /// Rolled back to. May have been forgotten since.
  std::optional<CheckpointId> restored = {};
  Step resumed_step = 0;      // goes on from there
  std::string detail = "{}";  // a JSON object: what was adjusted, and the diagnosis
  std::string run = {};       // set by queries, as the rest
  SessionId session = {};
  std::int64_t recorded_at_ms = 0;
};

/// By lineage: see the top.
struct ObservationQuery {
  std::string run;
  std::uint64_t limit = 1000;  // the newest so many; 0: all
  /// Only those that led to the checkpoint (a checkpoint of the run): what judges a training that goes on from there.
  /// Unset: those of the newest branch and of the lineage that it grew from.
  std::optional<CheckpointId> leading_to = {};
};
/// In the order of their steps, each step once. Errors: not_found (no such run, no such checkpoint). With `limit`, the
/// newest so many of them. REQUIRES: `leading_to` is a checkpoint of `run`.
std::vector<Observation> list_observations(const Store& store, const ObservationQuery& query);

/// All that is set must hold.
struct EventQuery {
  std::optional<std::string> run = {};  // all runs when unset
  std::optional<SessionId> session = {};
  Severity at_least = Severity::info;
  std::uint64_t limit = 0;  // the newest so many; 0: all
  /// Only those of the newest branch of `run`, which must be set, and of the lineage it grew from.
  bool lineage_only = false;
  /// Only those that led to the checkpoint; `run` is then the checkpoint's.
  std::optional<CheckpointId> leading_to = {};
};
/// Newest first; those of a lineage by their branches. Errors: not_found (no such checkpoint; for a lineage, no such
/// run). Also invalid_argument for a lineage of no run.
std::vector<Event> list_events(const Store& store, const EventQuery& query = {});

/// Recoveries of a run, or of all; newest first. Of a run that is not there, none. Those of abandoned branches are
/// among them.
std::vector<Recovery> list_recoveries(const Store& store, const std::optional<std::string>& run = {});

/// Saves of a run, or of all runs of the store; newest first. `limit`: the newest so many; 0: all.
std::vector<SaveCost> list_save_costs(const Store& store, const std::optional<std::string>& run = {},
                                      std::uint64_t limit = 0);

}  // namespace lastgood

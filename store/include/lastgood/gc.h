// Forgetting checkpoints and giving their space back.
//
// Never forgotten by a policy, never collected: the head of a run, the newest stable checkpoint in its lineage, what is
// tagged or pinned, and what an open session resumed from. A crash at any point loses nothing that is kept, and the
// next pass frees the rest. Safe beside trainers and readers, from any thread; one collection at a time per store.
//
// In two steps, so that the second may wait for a quiet hour: forget() takes checkpoints out of the history and frees
// nothing; collect_garbage() finds what no checkpoint and no save in flight needs, and gives it back to the file
// system.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/progress.h>
#include <lastgood/store.h>

namespace lastgood {

/// What to keep, run by run; a checkpoint that any rule keeps is kept. All unset: keeps everything. A keep_last or
/// keep_stable of 0 keeps none by itself. Damaged checkpoints take the place of no intact one: see expired().
struct RetentionPolicy {
  std::optional<std::string> run = {};                   // only this run; else all
  std::optional<std::uint64_t> keep_last = {};           // the newest N
  std::optional<std::uint64_t> keep_stable = {};         // the newest N judged stable
  std::optional<Step> keep_every = {};                   // steps divisible by N
  std::optional<std::chrono::seconds> keep_within = {};  // created within this long before the run's newest
  std::optional<std::string> best_metric = {};           // with keep_best: the metric's name
  std::uint64_t keep_best = 0;                           // the best N by best_metric
  bool best_is_max = false;                              // larger is better (default: smaller)
};

struct ForgetReport {
  std::vector<CheckpointId> forgotten;  // or would be, in a dry run
  /// What a gc can now free that it could not before: headers and payloads, without what is shared with checkpoints
  /// that stay.
  std::uint64_t bytes_released = 0;
};

/// The checkpoints that the policy lets go, oldest first. Changes nothing. What a rule would keep is looked at first
/// (packs, frame headers, manifest, record: as VerifyDepth::structure): a checkpoint known or found to be damaged is
/// kept and does not count towards N, so that the rule goes on to the next intact one, with a warning; and where all
/// that a run would keep is damaged, its newest intact checkpoint is kept as well. For forget(), which checks again
/// what must hold. Errors: invalid_argument (a rule that contradicts itself, a metric that no checkpoint has),
/// not_found (the run), and those of reading: busy, corruption (the catalog), io, permission.
std::vector<CheckpointInfo> expired(const Store& store, const RetentionPolicy& policy);

/// Takes checkpoints out of the history, all or none; their children's parent becomes their parent. Durable on return.
/// A load under way may end in not_found. A dry run checks and measures the same, also through a read-only handle.
/// Errors: not_found, invalid_argument (protected: the message says by what), permission, busy, no_space, io.
ForgetReport forget(const Store& store, std::span<const CheckpointId> checkpoints, bool dry_run = false);

struct GcOptions {
  bool dry_run = false;
  /// Phases: "collect", "compact", "sweep" ("estimate" in a dry run). The total is not known beforehand.
  ProgressFn progress = {};
  /// For a dry run only: counts as if these had been forgotten already. Ids that are not there count for nothing.
  std::vector<CheckpointId> forgetting = {};
};

/// Of what this pass did; what it left for the next one is in StoreStats::bytes_dead.
struct GcReport {
  std::uint64_t blobs_freed = 0;
  std::uint64_t packs_removed = 0;
  std::uint64_t packs_compacted = 0;
  std::uint64_t orphans_removed =
      0;                          // packs without a row; one that holds a checkpoint is moved to quarantine/ instead
  std::uint64_t dead_saves = 0;   // left behind by killed processes
  std::uint64_t bytes_freed = 0;  // on disk, as measured before and after (an estimate in a dry run)
};

/// Frees what nothing refers to. Errors: busy (another collection is running), permission, io, cancelled,
/// invalid_argument (`forgetting` without `dry_run`), no_space (a compaction writes before it frees). Where it throws,
/// what was freed so far stays freed, nothing that is kept was touched, and the next collection goes on. Forgets
/// nothing by itself. Durable on return, but for the last commit that drops rows, which the next pass makes up for. A
/// dry run through a read-only handle takes no lock and counts no dead saves.
GcReport collect_garbage(const Store& store, const GcOptions& options = {});

}  // namespace lastgood

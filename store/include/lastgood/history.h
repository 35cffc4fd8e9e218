// Questions to the history of a store. Each call sees one consistent snapshot; safe from any thread; changes nothing,
// also while trainers save and collections run. Two calls see two snapshots: a checkpoint of the first may be gone in
// the second. Errors of all: busy (StoreOptions::busy_timeout), corruption (the catalog holds what Lastgood never
// writes), io, permission.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/store.h>

namespace lastgood {

/// All that is set must hold.
struct ListQuery {
  std::optional<std::string> run = {};  // all runs when unset
  std::optional<Stability> stability = {};
  std::uint64_t limit = 0;  // the newest so many; 0: all
};

/// Checkpoints, newest first: in the order of their commits, whatever their steps. A run that is not there has none.
std::vector<CheckpointInfo> list_checkpoints(const Store& store, const ListQuery& query = {});

/// The checkpoint of this id; nothing where there never was one, or it was forgotten.
std::optional<CheckpointInfo> find_checkpoint(const Store& store, CheckpointId id);

/// The checkpoint that a name means: an id ("17"), a tag, `head`, `latest`, `last-stable`, `step:4100`, each of them
/// with `~N` for its N-th ancestor. Names other than ids and tags mean those of `run`, or of the only run there is.
/// Errors: not_found (with the nearest names), invalid_argument (ambiguous, with the candidates; malformed).
CheckpointInfo resolve_checkpoint(const Store& store, std::string_view name,
                                  const std::optional<std::string>& run = {});

/// The newest checkpoint in the lineage of the run's head that was judged stable and is intact. Nothing where there is
/// none, or no such run. Intact by what is known: verify() finds out more.
std::optional<CheckpointInfo> last_stable(const Store& store, const std::string& run);

/// Runs by name; sessions newest first. Of a run that is not there, no sessions.
std::vector<RunInfo> list_runs(const Store& store);
std::vector<SessionInfo> list_sessions(const Store& store, const std::optional<std::string>& run = {});

/// Bytes that forgetting this checkpoint alone would let gc free. Errors: not_found. Headers and payloads of blobs that
/// no other checkpoint refers to. Padding, and pins of saves in flight, do not count.
std::uint64_t bytes_unique(const Store& store, CheckpointId checkpoint);
/// The same for each of many, from one snapshot; those that are gone meanwhile are left out.
std::map<CheckpointId, std::uint64_t> bytes_unique(const Store& store, std::span<const CheckpointId> checkpoints);

/// What a store holds, in numbers. Damaged blobs that are still needed count among the others, too.
struct StoreStats {
  std::uint64_t runs = 0, sessions = 0, checkpoints = 0, entries = 0;
  std::uint64_t blobs = 0, blobs_damaged = 0, packs = 0;
  std::uint64_t bytes_logical = 0;  // sum over checkpoints, as if each stood alone
  /// Of the distinct live blobs, before packing and without headers; the next one has both.
  std::uint64_t bytes_raw = 0;
  std::uint64_t bytes_stored = 0;  // of the distinct blobs, as they lie in the packs
  /// Allocated for blobs/, dead space included. As the file system counts, holes left out.
  std::uint64_t bytes_on_disk = 0;
  std::uint64_t bytes_dead = 0;  // marked as dead or unreferenced: the next gc frees them
  /// catalog.db and its write-ahead log.
  std::uint64_t catalog_bytes = 0;
  /// Those of killed processes among them, until a collection has seen to them.
  std::uint64_t saves_in_flight = 0;
};
/// Counts from one snapshot; the two sizes on disk are measured after it. Reads all rows of blobs.
StoreStats store_stats(const Store& store);

}  // namespace lastgood

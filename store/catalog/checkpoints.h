// Checkpoints: the row, its layout (entries' names and shapes, shared by checkpoints that have the same), its blobs.
// Each function runs inside a transaction of the caller's.
//
// Ids grow along a lineage: a parent is always older. Walks rely on it to end, also in a damaged catalog.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/history.h>

#include "store/catalog/rows.h"
#include "store/format/manifest.h"
#include "store/format/record.h"

namespace lastgood::catalog {

class Connection;

/// All that the final commit of a save inserts. The blobs have rows already.
struct NewCheckpoint {
  format::Record record;  // its run, session and parent must have rows
  SessionId session;
  const format::Manifest* manifest = nullptr;
  std::vector<BlobId> chunks;  // one per chunk, in the manifest's order of entries
  BlobId manifest_blob;
  BlobId record_blob;
  std::uint64_t bytes_logical = 0;
};

/// Inserts the row with metrics, layout and blobs, adds a reference to every blob, and makes it the run's head.
/// Throws Error(internal) where a blob is not LIVE. Needs Catalog::write(), durable: it is the commit that a save
/// acknowledges. By keys and unique indexes (uuid, name, digest of the layout); what grows with the state is a row at
/// the end of checkpoint_blob and a count in blob, for each chunk.
CheckpointId insert_checkpoint(Connection& db, const NewCheckpoint& checkpoint);

/// The sequence number for the next record. Above that of every record that the store ever had: in a rebuild it is the
/// order of the saves. Raised by insert_checkpoint(), not here: two saves under way may be given the same one.
std::int64_t next_sequence(Connection& db);

/// Which checkpoints are there? Newest first, by id. Of one run by checkpoint_run, else along the key; a verdict is
/// compared row by row. Whether each is intact costs nothing while blob_damaged is empty.
std::vector<CheckpointInfo> list_checkpoints(Connection& db, const ListQuery& query);
/// With metrics and tags: two more questions for each checkpoint, by their indexes.
std::optional<CheckpointInfo> find_checkpoint(Connection& db, CheckpointId id);
/// Is the checkpoint there, and by which uuid do its record and its children's records name it? By the key, and the
/// cheapest way to ask.
std::optional<format::Uuid> checkpoint_uuid(Connection& db, CheckpointId id);
/// Of all checkpoints, by id.
std::vector<format::Uuid> checkpoint_uuids(Connection& db);

/// What a load needs: the places of everything, in one snapshot. Nothing where the checkpoint is gone.
struct CheckpointBlobs {
  Blob manifest;
  Blob record;
  std::vector<Blob> chunks;  // in the manifest's order
};
/// By the keys of checkpoint_blob, blob and pack: one look-up for each chunk.
std::optional<CheckpointBlobs> checkpoint_blobs(Connection& db, CheckpointId id);

/// The entries from the layout, without reading any pack. By the key of layout_entry. Empty where the checkpoint is
/// gone.
std::vector<EntrySpec> checkpoint_entries(Connection& db, CheckpointId id);

/// Checkpoints that refer to the blob (a scan: there is no index, for the commit's sake).
std::vector<CheckpointId> checkpoints_with_blob(Connection& db, BlobId blob);

/// What would forgetting them free? Bytes (headers, payloads) of blobs that only this set of checkpoints refers to. By
/// the key of checkpoint_blob, from the few outwards: what others have is not read.
std::uint64_t bytes_only_in(Connection& db, std::span<const CheckpointId> checkpoints);
/// Which LIVE blobs those are, in ascending order.
std::vector<BlobId> blobs_only_in(Connection& db, std::span<const CheckpointId> checkpoints);
/// bytes_only_in() for each checkpoint by itself; those that are not there are left out. One checkpoint is counted
/// after the other, so that memory is bounded by the largest.
std::map<CheckpointId, std::uint64_t> bytes_unique(Connection& db, std::span<const CheckpointId> checkpoints);

/// Deletes the rows, gives their references back, grafts children to the grandparent, drops layouts no longer used.
/// Throws Error(internal) for a run's head. Needs Catalog::write(). By keys, run_head, checkpoint_parent,
/// checkpoint_layout, session_resumed_from, tag_checkpoint and branch_base: an index for each row that names a
/// checkpoint.
void delete_checkpoints(Connection& db, std::span<const CheckpointId> checkpoints);

/// These four need Catalog::write(), and go by keys. The first three throw Error(not_found) where the checkpoint is
/// gone.
void set_stability(Connection& db, CheckpointId id, Stability stability);
void set_pinned(Connection& db, CheckpointId id, bool pinned);
/// What the tag names before it is set. Throws Error(already_exists) unless `move`, Error(not_found).
std::optional<CheckpointId> check_tag(Connection& db, const std::string& name, CheckpointId id, bool move);
/// Adds or, with `move`, moves a tag. Returns and throws as check_tag() does.
std::optional<CheckpointId> set_tag(Connection& db, const std::string& name, CheckpointId id, bool move);
/// False where there is no such tag.
bool delete_tag(Connection& db, const std::string& name);
std::optional<CheckpointId> find_tag(Connection& db, const std::string& name);
/// By name.
std::vector<std::string> list_tags(Connection& db);

/// Why a checkpoint must not be forgotten ("the head of run demo", "tagged best", "pinned", "the newest stable of run
/// demo", "what the open session 4 resumed from"), for each protected one.
struct Protection {
  CheckpointId checkpoint;
  std::string reason;
};
/// Asked in the transaction that deletes. Walks runs, tags and sessions, of which there are few; checkpoints by
/// checkpoint_stable and checkpoint_pinned.
std::vector<Protection> protections(Connection& db);

/// Where would a rollback go? The newest stable and intact checkpoint in the lineage of the run's head. Walks parents
/// by the key, from run.name's index on; stops at the first that will do.
std::optional<CheckpointId> last_stable(Connection& db, const std::string& run);

}  // namespace lastgood::catalog

// The final commit of a save, in the order in which a mistake is found soonest: the rows that it builds on, its own
// row, metrics, references, head.
#include "store/catalog/blobs.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/connection.h"
#include "store/catalog/layouts.h"
#include "store/catalog/runs.h"

namespace lastgood::catalog {
namespace {

void check_chunks(const NewCheckpoint& checkpoint) {
  std::size_t chunks = 0;
  for (const format::ManifestEntry& entry : checkpoint.manifest->entries) chunks += entry.chunks.size();
  if (chunks != checkpoint.chunks.size()) {
    throw Error(ErrorCode::internal, checkpoint.record.checkpoint.hex(),
                "the manifest has " + std::to_string(chunks) + " chunks, but " +
                    std::to_string(checkpoint.chunks.size()) + " blobs were given");
  }
}

RunId run_of(Connection& db, const format::Record& record) {
  if (const auto run = find_run(db, record.run)) return *run;
  throw Error(ErrorCode::internal, record.run, "run '" + record.run + "' has no row");
}

std::optional<CheckpointId> parent_of(Connection& db, const format::Record& record) {
  if (!record.parent) return std::nullopt;
  Statement query(db, "SELECT id FROM checkpoint WHERE uuid = ?1", *record.parent);
  if (!query.step()) {
    throw Error(ErrorCode::internal, record.parent->hex(), "the parent " + record.parent->hex() + " has no row");
  }
  return query.id<CheckpointId>(0);
}

CheckpointId insert_row(Connection& db, const NewCheckpoint& checkpoint, RunId run) {
  const format::Record& record = checkpoint.record;
  Statement(db,
            "INSERT INTO checkpoint(uuid, run_id, session_id, parent_id, step, epoch, kind, stability, created_at_ms, "
            "sequence, digest, entries, bytes_logical, bytes_new, metadata, layout_id, manifest_blob, record_blob) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            record.checkpoint, run, checkpoint.session, parent_of(db, record), record.step, record.epoch,
            static_cast<int>(record.kind), static_cast<int>(record.stability), record.created_at_ms, record.sequence,
            record.manifest, std::uint64_t{checkpoint.manifest->entries.size()}, checkpoint.bytes_logical,
            record.bytes_new, record.metadata, find_or_create_layout(db, *checkpoint.manifest),
            checkpoint.manifest_blob, checkpoint.record_blob)
      .run();
  return CheckpointId{db.last_insert_id()};
}

void insert_metrics(Connection& db, CheckpointId id, const format::Record& record) {
  Statement insert(db, "INSERT INTO metric(checkpoint_id, name, value) VALUES (?1, ?2, ?3)");
  for (const auto& [name, value] : record.metrics) insert.run_with(id, name, value);
}

// Rows are appended in the order of their key, thousands at a time, into a table without another index.
void insert_blobs(Connection& db, CheckpointId id, const NewCheckpoint& checkpoint) {
  Statement insert(db, "INSERT INTO checkpoint_blob(checkpoint_id, ordinal, blob_id) VALUES (?1, ?2, ?3)");
  for (std::size_t i = 0; i < checkpoint.chunks.size(); ++i) {
    insert.run_with(id, std::uint64_t{i}, checkpoint.chunks[i]);
  }
  add_references(db, checkpoint.chunks);
  const BlobId own[] = {checkpoint.manifest_blob, checkpoint.record_blob};
  add_references(db, own);
}

}  // namespace

// May run again with its transaction: all that it needs is given or asked for here.
CheckpointId insert_checkpoint(Connection& db, const NewCheckpoint& checkpoint) {
  check_chunks(checkpoint);
  const RunId run = run_of(db, checkpoint.record);
  const CheckpointId id = insert_row(db, checkpoint, run);
  insert_metrics(db, id, checkpoint.record);
  insert_blobs(db, id, checkpoint);
  set_head(db, run, id);
  // It never falls, whatever the order in which a rebuild finds its records.
  Statement(db, "UPDATE meta SET value = max(value, ?1) WHERE key = 'sequence'", checkpoint.record.sequence).run();
  return id;
}

std::int64_t next_sequence(Connection& db) {
  // A number of its own, not the largest of the rows: a rebuild may find records of checkpoints that were forgotten.
  Statement query(db, "SELECT value FROM meta WHERE key = 'sequence'");
  if (!query.step()) db.corrupt("the sequence number is missing");
  return static_cast<std::int64_t>(query.count(0)) + 1;
}

}  // namespace lastgood::catalog

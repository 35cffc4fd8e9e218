// Rows are made in the order in which they refer to each other: packs and their blobs, then for each checkpoint its
// run, its session, and itself, parents first. Ids are new, so positions in the inventory are turned into ids on the
// way. What reads badly is decided in restorable.cpp; here everything is written.
#include "store/restore.h"

#include <map>
#include <utility>

#include "store/catalog/packs.h"
#include "store/catalog/runs.h"

namespace lastgood {

namespace {

using catalog::Connection;

std::uint64_t logical_bytes(const format::Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const format::ManifestEntry& entry : manifest.entries) {
    if (entry.spec.alias_of.empty()) bytes += entry.spec.byte_count();
  }
  return bytes;
}

/// Rows for blobs that no pack has, each once. They lie where a pack would have them that was lost: whatever asks for
/// their bytes meets a missing file, which is what damage looks like anyway.
class LostBlobs {
 public:
  explicit LostBlobs(Connection& db) : db_(db) {}

  catalog::BlobId row_of(const ChunkSource& chunk) {
    const auto known = rows_.find({chunk.hash, chunk.raw_bytes});
    if (known != rows_.end()) return known->second;
    if (!pack_) pack_ = catalog::add_compacted_pack(db_, format::Uuid::random());
    const format::FrameHeader frame{format::FrameKind::chunk, format::Codec::raw, chunk.raw_bytes, chunk.raw_bytes,
                                    chunk.hash};
    const catalog::NewBlob blob{format::place_frame(end_, frame.stored_bytes), frame};
    end_ = format::frame_end(blob.offset, frame.stored_bytes);
    const catalog::BlobId row = catalog::append_blobs(db_, *pack_, {&blob, 1});
    catalog::set_damaged(db_, row, true);
    rows_[{chunk.hash, chunk.raw_bytes}] = row;
    return row;
  }

 private:
  Connection& db_;
  std::optional<catalog::PackId> pack_;
  std::uint64_t end_ = format::kHeaderBytes;
  std::map<std::pair<BlobHash, std::uint64_t>, catalog::BlobId> rows_;
};

/// Rows of one new catalog.
class Restoration {
 public:
  Restoration(Connection& db, const Inventory& inventory) : db_(db), lost_(db) {
    for (const FoundPack& pack : inventory.packs) {
      const catalog::PackId id = catalog::add_compacted_pack(db, pack.uuid);
      // Ids follow each other within a pack, so the first is all that has to be kept.
      first_blobs_.push_back(pack.blobs.empty() ? catalog::BlobId{} : catalog::append_blobs(db, id, pack.blobs));
      for (const std::size_t position : pack.damaged) {
        catalog::set_damaged(db, id_of({first_blobs_.size() - 1, position}), true);
      }
    }
  }

  void insert(const RestorableCheckpoint& checkpoint) {
    catalog::NewCheckpoint row;
    row.record = checkpoint.record;
    row.session = session_of(checkpoint.record);
    row.manifest = &checkpoint.manifest;
    for (const ChunkSource& chunk : checkpoint.chunks) {
      row.chunks.push_back(chunk.found ? id_of(*chunk.found) : lost_.row_of(chunk));
    }
    row.manifest_blob = id_of(checkpoint.manifest_blob);
    row.record_blob = id_of(checkpoint.record_blob);
    // Of tied entries the owner alone, as a save counts them.
    row.bytes_logical = logical_bytes(checkpoint.manifest);
    catalog::insert_checkpoint(db_, row);
  }

 private:
  catalog::BlobId id_of(const FoundBlob& blob) const {
    return {first_blobs_[blob.pack].value + static_cast<std::int64_t>(blob.blob)};
  }

  SessionId session_of(const format::Record& record) {
    const auto known = sessions_.find(record.session);
    if (known != sessions_.end()) return known->second;
    const RunId run = catalog::find_or_create_run(db_, record.run);
    return sessions_[record.session] = catalog::restore_session(db_, run, record.session, record.created_at_ms);
  }

  Connection& db_;
  LostBlobs lost_;
  std::vector<catalog::BlobId> first_blobs_;  // by pack
  std::map<format::Uuid, SessionId> sessions_;
};

}  // namespace

RestoreReport restore(Connection& db, const Inventory& inventory, const OldCatalog& old, io::PackReader& reader) {
  Restoration restoration(db, inventory);
  RestoreReport report = for_each_restorable(
      inventory, old, reader, [&](const RestorableCheckpoint& checkpoint) { restoration.insert(checkpoint); });
  catalog::give_up_damaged(db);
  return report;
}

}  // namespace lastgood

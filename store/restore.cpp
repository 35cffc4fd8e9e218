#include "store/restore.h"

#include <algorithm>
#include <map>
#include <set>

#include "store/catalog/packs.h"
#include "store/catalog/runs.h"

namespace lastgood {

namespace {

using catalog::Connection;

/// Parents of checkpoints, where some are missing.
class Lineage {
 public:
  explicit Lineage(const Inventory& inventory) {
    for (const FoundRecord& found : inventory.records) records_.emplace(found.record.checkpoint, &found.record);
  }

  /// The nearest complete ancestor. Where the chain of records breaks, because an ancestor was forgotten and collected,
  /// it is the newest complete checkpoint of the run with a smaller step: what the forgotten one most likely stood on.
  std::optional<format::Uuid> parent_of(const format::Record& record) const {
    std::set<format::Uuid> seen;  // a chain that bites its tail ends there
    std::optional<format::Uuid> parent = record.parent;
    while (parent && seen.insert(*parent).second) {
      if (complete_.contains(*parent)) return parent;
      const auto found = records_.find(*parent);
      if (found == records_.end()) return newest_before(record);
      parent = found->second->parent;
    }
    return std::nullopt;
  }

  void add(const format::Record& record) {
    complete_.insert(record.checkpoint);
    order_.push_back(&record);
  }

 private:
  std::optional<format::Uuid> newest_before(const format::Record& record) const {
    const auto fits = [&](const format::Record* other) {
      return other->run == record.run && other->step < record.step;
    };
    const auto newest = std::find_if(order_.rbegin(), order_.rend(), fits);
    return newest == order_.rend() ? std::nullopt : std::optional((*newest)->checkpoint);
  }

  std::map<format::Uuid, const format::Record*> records_;
  std::set<format::Uuid> complete_;
  std::vector<const format::Record*> order_;  // complete ones, as they were saved
};

/// Sizes of an entry's chunks: all of chunk_bytes but the last.
std::uint64_t chunk_size(const format::Manifest& manifest, const format::ManifestEntry& entry, std::size_t chunk) {
  const std::uint64_t left = entry.spec.byte_count() - chunk * manifest.chunk_bytes;
  return std::min(left, manifest.chunk_bytes);
}

/// Reads the manifest and finds the chunks; on success nothing, else why the checkpoint cannot come back.
std::optional<std::string> complete(const Inventory& inventory, const BlobFinder& finder, io::PackReader& reader,
                                    CompleteCheckpoint& checkpoint) {
  const std::size_t home = checkpoint.record_blob.pack;
  const auto manifest = finder.find(format::FrameKind::manifest, checkpoint.record.manifest, std::nullopt, home);
  if (!manifest) return "its manifest is missing";
  const FoundPack& pack = inventory.packs[manifest->pack];
  const catalog::NewBlob& blob = pack.blobs[manifest->blob];
  try {
    checkpoint.manifest = format::decode_manifest(reader.read({pack.uuid, blob.offset, blob.frame}));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corruption) throw;
    return "its manifest is damaged";
  }
  checkpoint.manifest_blob = *manifest;
  std::size_t missing = 0;
  for (const format::ManifestEntry& entry : checkpoint.manifest.entries) {
    for (std::size_t i = 0; i < entry.chunks.size(); ++i) {
      const std::uint64_t size = chunk_size(checkpoint.manifest, entry, i);
      const auto chunk = finder.find(format::FrameKind::chunk, entry.chunks[i], size, home);
      chunk ? checkpoint.chunks.push_back(*chunk) : void(++missing);
    }
  }
  if (missing == 0) return std::nullopt;
  return missing == 1 ? "1 blob is missing" : std::to_string(missing) + " blobs are missing";
}

std::uint64_t logical_bytes(const format::Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const format::ManifestEntry& entry : manifest.entries) {
    if (entry.spec.alias_of.empty()) bytes += entry.spec.byte_count();
  }
  return bytes;
}

/// Rows of one new catalog.
class Restoration {
 public:
  Restoration(Connection& db, const Inventory& inventory) : db_(db) {
    for (const FoundPack& pack : inventory.packs) {
      const catalog::PackId id = catalog::add_compacted_pack(db, pack.uuid);
      // Ids follow each other within a pack, so the first is all that has to be kept.
      first_blobs_.push_back(pack.blobs.empty() ? catalog::BlobId{} : catalog::append_blobs(db, id, pack.blobs));
    }
  }

  void insert(const CompleteCheckpoint& checkpoint) {
    catalog::NewCheckpoint row;
    row.record = checkpoint.record;
    row.session = session_of(checkpoint.record);
    row.manifest = &checkpoint.manifest;
    for (const FoundBlob& chunk : checkpoint.chunks) row.chunks.push_back(id_of(chunk));
    row.manifest_blob = id_of(checkpoint.manifest_blob);
    row.record_blob = id_of(checkpoint.record_blob);
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
    return sessions_[record.session] = catalog::restore_session(db_, run, record.session);
  }

  Connection& db_;
  std::vector<catalog::BlobId> first_blobs_;  // by pack
  std::map<format::Uuid, SessionId> sessions_;
};

}  // namespace

std::vector<std::string> for_each_complete(const Inventory& inventory, io::PackReader& reader,
                                           const std::function<void(const CompleteCheckpoint&)>& body) {
  const BlobFinder finder(inventory);
  Lineage lineage(inventory);
  std::vector<std::string> incomplete;
  for (const FoundRecord& found : inventory.records) {
    CompleteCheckpoint checkpoint;
    checkpoint.record = found.record;
    checkpoint.record_blob = found.blob;
    if (const auto lacks = complete(inventory, finder, reader, checkpoint)) {
      incomplete.push_back("run " + found.record.run + ", step " + std::to_string(found.record.step) + ": " + *lacks);
      continue;
    }
    checkpoint.record.parent = lineage.parent_of(found.record);
    body(checkpoint);
    lineage.add(found.record);
  }
  return incomplete;
}

std::vector<std::string> restore(Connection& db, const Inventory& inventory, io::PackReader& reader) {
  Restoration restoration(db, inventory);
  return for_each_complete(inventory, reader,
                           [&](const CompleteCheckpoint& checkpoint) { restoration.insert(checkpoint); });
}

}  // namespace lastgood

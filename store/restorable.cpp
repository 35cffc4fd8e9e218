// Two passes over the records. The first finds out what whole checkpoints need, which tells how a collection has left
// each pack; the second judges each checkpoint by it, parents first. Memory holds one manifest at a time.
#include "store/restorable.h"

#include <algorithm>
#include <map>
#include <set>

#include <lastgood/error.h>

#include "store/extents.h"

namespace lastgood {

namespace {

/// Parents of checkpoints, where some are missing.
class Lineage {
 public:
  explicit Lineage(const Inventory& inventory) {
    for (const FoundRecord& found : inventory.records) records_.emplace(found.record.checkpoint, &found.record);
  }

  /// The nearest ancestor that comes back. Where the chain of records breaks, because an ancestor was forgotten and
  /// collected, it is the newest such checkpoint of the run with a smaller step: what the forgotten one most likely
  /// stood on.
  std::optional<format::Uuid> parent_of(const format::Record& record) const {
    std::set<format::Uuid> seen;  // a chain that bites its tail ends there
    std::optional<format::Uuid> parent = record.parent;
    while (parent && seen.insert(*parent).second) {
      if (restored_.contains(*parent)) return parent;
      const auto found = records_.find(*parent);
      if (found == records_.end()) return newest_before(record);
      parent = found->second->parent;
    }
    return std::nullopt;
  }

  void add(const format::Record& record) {
    restored_.insert(record.checkpoint);
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
  std::set<format::Uuid> restored_;
  std::vector<const format::Record*> order_;  // as they were saved
};

/// Sizes of an entry's chunks: all of chunk_bytes but the last.
std::uint64_t chunk_size(const format::Manifest& manifest, const format::ManifestEntry& entry, std::size_t chunk) {
  const std::uint64_t left = entry.spec.byte_count() - chunk * manifest.chunk_bytes;
  return std::min(left, manifest.chunk_bytes);
}

std::string counted(std::size_t count, const char* state) {
  return std::to_string(count) + (count == 1 ? " blob is " : " blobs are ") + state;
}

/// A found record with what it names.
struct Assembly {
  RestorableCheckpoint checkpoint;
  bool has_manifest = false;
  std::string lacks;  // in words; empty where it is whole
};

class Judge {
 public:
  Judge(const Inventory& inventory, const OldCatalog& old, io::PackReader& reader)
      : inventory_(inventory), old_(old), reader_(reader), finder_(inventory), needed_(inventory.packs.size()) {}

  RestoreReport run(const std::function<void(const RestorableCheckpoint&)>& body) {
    // Manifests are read twice: those of a whole store would not fit into memory.
    for (const FoundRecord& found : inventory_.records) note_needs(assemble(found));
    // In the order of the saves, so that a checkpoint's parent has been judged before it.
    Lineage lineage(inventory_);
    for (const FoundRecord& found : inventory_.records) {
      Assembly assembly = assemble(found);
      if (!comes_back(assembly)) continue;
      assembly.checkpoint.record.parent = lineage.parent_of(found.record);
      body(assembly.checkpoint);
      lineage.add(found.record);
      ++report_.checkpoints;
    }
    return report_;
  }

 private:
  bool is_damaged(const FoundBlob& blob) const { return inventory_.packs[blob.pack].damaged.contains(blob.blob); }

  /// Looks for all that the record names. The result is complete only where `lacks` is empty.
  Assembly assemble(const FoundRecord& found) {
    Assembly assembly;
    RestorableCheckpoint& checkpoint = assembly.checkpoint;
    checkpoint.record = found.record;
    checkpoint.record_blob = found.blob;
    // The record's own pack, where the save put all that was new to the store.
    const std::size_t home = found.blob.pack;
    const auto manifest = finder_.find(format::FrameKind::manifest, found.record.manifest, std::nullopt, home);
    if (!manifest) {
      assembly.lacks = "its manifest is missing";
    } else if (is_damaged(*manifest) || !read_manifest(*manifest, checkpoint)) {
      assembly.lacks = "its manifest is damaged";
    } else {
      assembly.has_manifest = true;
      assembly.lacks = find_chunks(home, checkpoint);
    }
    return assembly;
  }

  bool read_manifest(const FoundBlob& found, RestorableCheckpoint& checkpoint) {
    const FoundPack& pack = inventory_.packs[found.pack];
    const catalog::NewBlob& blob = pack.blobs[found.blob];
    try {
      checkpoint.manifest = format::decode_manifest(reader_.read({pack.uuid, blob.offset, blob.frame}));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corruption) throw;
      return false;
    }
    checkpoint.manifest_blob = found;
    return true;
  }

  std::string find_chunks(std::size_t home, RestorableCheckpoint& checkpoint) const {
    std::size_t missing = 0;
    std::size_t damaged = 0;
    for (const format::ManifestEntry& entry : checkpoint.manifest.entries) {
      for (std::size_t i = 0; i < entry.chunks.size(); ++i) {
        const std::uint64_t size = chunk_size(checkpoint.manifest, entry, i);
        const auto chunk = finder_.find(format::FrameKind::chunk, entry.chunks[i], size, home);
        checkpoint.chunks.push_back({entry.chunks[i], size, chunk});
        missing += chunk ? 0 : 1;
        damaged += chunk && is_damaged(*chunk) ? 1 : 0;
      }
    }
    std::string text = missing > 0 ? counted(missing, "missing") : "";
    if (damaged > 0) text += (text.empty() ? "" : ", ") + counted(damaged, "damaged");
    return text;
  }

  /// Of whole checkpoints alone: what only a wreck names does not tell how a collection left the pack.
  void note_needs(const Assembly& assembly) {
    if (!assembly.lacks.empty()) return;
    const RestorableCheckpoint& checkpoint = assembly.checkpoint;
    for (const FoundBlob& own : {checkpoint.manifest_blob, checkpoint.record_blob}) needed_[own.pack].insert(own.blob);
    for (const ChunkSource& chunk : checkpoint.chunks) needed_[chunk.found->pack].insert(chunk.found->blob);
  }

  /// Decides by the rules in the header, and enters the checkpoint into the report.
  bool comes_back(const Assembly& assembly) {
    if (assembly.lacks.empty()) return true;
    const format::Record& record = assembly.checkpoint.record;
    const std::string line = "run " + record.run + ", step " + std::to_string(record.step) + ": " + assembly.lacks;
    const std::size_t home = assembly.checkpoint.record_blob.pack;
    if (old_.disowns(record.checkpoint, inventory_.packs[home].uuid) || looks_collected(home)) {
      report_.collected.push_back(line);
      return false;
    }
    (assembly.has_manifest ? report_.damaged : report_.incomplete).push_back(line);
    return assembly.has_manifest;
  }

  /// Pretends that what whole checkpoints need is all that lives, and asks what a collection would have punched. An
  /// inference, and the one place where a rebuild may leave out what somebody could still want: it errs only towards
  /// bringing back, since one frame that a collection would have punched is enough to say no.
  bool looks_collected(std::size_t pack) const {
    if (needed_[pack].empty()) return false;  // a collection would have removed it
    const std::vector<catalog::NewBlob>& found = inventory_.packs[pack].blobs;
    std::vector<catalog::Blob> blobs(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      blobs[i].place.offset = found[i].offset;
      blobs[i].frame = found[i].frame;
      blobs[i].state = needed_[pack].contains(i) ? catalog::BlobState::live : catalog::BlobState::dead;
    }
    // The last block's rest is left out: on some file systems no hole reaches behind the end.
    const std::uint64_t whole = extent_of(blobs.back()).end / inventory_.block_bytes * inventory_.block_bytes;
    const std::vector<Extent> free = free_extents(blobs, whole, inventory_.block_bytes);
    return std::ranges::none_of(blobs, [&](const catalog::Blob& blob) {
      const Extent own = extent_of(blob);
      return std::ranges::any_of(free, [&](const Extent& e) { return e.begin < own.end && own.begin < e.end; });
    });
  }

  const Inventory& inventory_;
  const OldCatalog& old_;
  io::PackReader& reader_;
  BlobFinder finder_;
  std::vector<std::set<std::size_t>> needed_;  // by pack: positions of what whole checkpoints need
  RestoreReport report_;
};

}  // namespace

RestoreReport for_each_restorable(const Inventory& inventory, const OldCatalog& old, io::PackReader& reader,
                                  const std::function<void(const RestorableCheckpoint&)>& body) {
  return Judge(inventory, old, reader).run(body);
}

}  // namespace lastgood

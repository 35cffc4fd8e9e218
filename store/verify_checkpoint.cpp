// Three witnesses tell of a checkpoint: the catalog's rows, the manifest and the record. None is taken for the truth
// here: where two differ, that is the finding. What may rightly differ (a parent that was forgotten since, a verdict
// that came later) is left out.
#include "store/verify_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "store/query.h"
#include "store/verify_blobs.h"

namespace lastgood {

namespace {

using catalog::Blob;
using catalog::Connection;

std::string label(const EntrySpec& spec) {
  return std::string(to_string(spec.section)) + "/" + spec.name;
}

/// The blob's content, from wherever it is by now. Nothing where it is gone, or damaged: then it is added to `bad`.
std::optional<std::vector<std::byte>> read_blob(const StoreImpl& store, io::PackReader& reader, Blob blob,
                                                std::vector<BadBlob>& bad) {
  while (true) {
    try {
      return reader.read({blob.place.pack_uuid, blob.place.offset, blob.frame});
    } catch (const Error& error) {
      if (!tells_of_damage(error)) throw;
      const std::optional<Blob> now = ask_again(store, blob);
      if (!now) return std::nullopt;
      if (now->place == blob.place) {
        bad.push_back({*now, explain(store, *now, error, "hash mismatch")});
        return std::nullopt;
      }
      blob = *now;
    }
  }
}

/// NaN equals NaN here: a metric is kept as it was given.
bool same_metrics(const std::map<std::string, double>& a, const std::vector<std::pair<std::string, double>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && (x.second == y.second || (std::isnan(x.second) && std::isnan(y.second)));
  });
}

/// Collects contradictions of one checkpoint.
class Comparison {
 public:
  Comparison(const CheckpointSnapshot& checkpoint, std::vector<Damage>& damages)
      : checkpoint_(checkpoint), damages_(damages) {}

  void blobs() {
    expect(checkpoint_.blobs.manifest.frame.hash == checkpoint_.info.digest, "manifest",
           "the manifest is not the one that the checkpoint's digest names");
    bool live = checkpoint_.blobs.manifest.state == catalog::BlobState::live &&
                checkpoint_.blobs.record.state == catalog::BlobState::live;
    for (const Blob& blob : checkpoint_.blobs.chunks) live = live && blob.state == catalog::BlobState::live;
    // A collection would be free to destroy it at any time.
    expect(live, "", "the catalog lets it refer to a blob that was given up");
  }

  void manifest(const format::Manifest& manifest) {
    const auto same_spec = [](const format::ManifestEntry& entry, const EntrySpec& spec) { return entry.spec == spec; };
    expect(std::equal(manifest.entries.begin(), manifest.entries.end(), checkpoint_.entries.begin(),
                      checkpoint_.entries.end(), same_spec),
           "manifest", "the manifest lists other entries than the catalog");
    std::size_t next = 0;
    const std::vector<Blob>& chunks = checkpoint_.blobs.chunks;
    for (const format::ManifestEntry& entry : manifest.entries) {
      const std::size_t first = next;
      bool same = true;
      for (; next < first + entry.chunks.size() && next < chunks.size(); ++next) {
        same = same && chunks[next].frame.hash == entry.chunks[next - first];
      }
      expect(same && next == first + entry.chunks.size(), label(entry.spec),
             "the catalog has other chunks for it than the manifest");
    }
    expect(next == chunks.size(), "manifest", "the catalog has more chunks than the manifest");
  }

  /// Parent and stability may change after the save, so the record does not bind them.
  void record(const format::Record& record) {
    const CheckpointInfo& info = checkpoint_.info;
    expect(record.checkpoint == checkpoint_.uuid && record.run == info.run && record.manifest == info.digest, "record",
           "the record is another checkpoint's");
    expect(record.step == info.step && record.epoch == info.epoch && record.kind == info.kind &&
               record.created_at_ms == info.created_at_ms && record.metadata == info.metadata &&
               same_metrics(info.metrics, record.metrics),
           "record", "the record tells another step, kind, time, metric or metadata than the catalog");
  }

 private:
  void expect(bool holds, const std::string& entry, const char* otherwise) {
    if (!holds) damages_.push_back({checkpoint_.info.id, entry, "", 0, otherwise});
  }

  const CheckpointSnapshot& checkpoint_;
  std::vector<Damage>& damages_;
};

/// The hash was right, so content that does not decode was written so.
template <class Decode>
void decode_and_compare(const CheckpointSnapshot& checkpoint, const char* entry, std::vector<Damage>& damages,
                        const Decode& decode) {
  try {
    decode();
  } catch (const Error& error) {
    if (!tells_of_damage(error)) throw;
    damages.push_back({checkpoint.info.id, entry, "", 0, error.what()});
  }
}

/// One past the last chunk of the entry whose first is `first`. By the chunks' sizes and not by the manifest, which may
/// be what is damaged.
/// Ends at the list's end, whatever sizes a damaged catalog claims.
std::size_t end_of_entry(const EntrySpec& spec, const std::vector<Blob>& chunks, std::size_t first) {
  if (!spec.alias_of.empty()) return first;
  std::uint64_t covered = 0;
  std::size_t end = first;
  while (end < chunks.size() && covered < spec.byte_count()) covered += chunks[end++].frame.raw_bytes;
  return end;
}

}  // namespace

std::optional<CheckpointSnapshot> snapshot_of(const StoreImpl& store, CheckpointId id) {
  return query(store, [&](Connection& db) -> std::optional<CheckpointSnapshot> {
    const auto info = catalog::find_checkpoint(db, id);
    const auto uuid = catalog::checkpoint_uuid(db, id);
    auto blobs = catalog::checkpoint_blobs(db, id);
    // All four from one snapshot: either the checkpoint is there with everything, or it is gone.
    if (!info || !uuid || !blobs) return std::nullopt;
    return CheckpointSnapshot{*info, *uuid, std::move(*blobs), catalog::checkpoint_entries(db, id)};
  });
}

std::vector<Role> roles_of(const CheckpointSnapshot& checkpoint, const BadBlobs& bad) {
  std::vector<Role> roles;
  const std::vector<Blob>& chunks = checkpoint.blobs.chunks;
  if (bad.contains(checkpoint.blobs.manifest.id)) roles.push_back({checkpoint.blobs.manifest.id, "manifest", ""});
  if (bad.contains(checkpoint.blobs.record.id)) roles.push_back({checkpoint.blobs.record.id, "record", ""});
  std::size_t next = 0;
  for (const EntrySpec& spec : checkpoint.entries) {
    const std::size_t first = next;
    next = end_of_entry(spec, chunks, first);
    std::set<catalog::BlobId> named;
    for (std::size_t i = first; i < next; ++i) {
      // The same chunk of zeros may be there many times.
      if (!bad.contains(chunks[i].id) || !named.insert(chunks[i].id).second) continue;
      const std::string part = " in chunk " + std::to_string(i - first + 1) + " of " + std::to_string(next - first);
      roles.push_back({chunks[i].id, label(spec), next - first > 1 ? part : ""});
    }
  }
  return roles;
}

CheckpointFindings check_checkpoint(const StoreImpl& store, io::PackReader& reader,
                                    const CheckpointSnapshot& checkpoint) {
  CheckpointFindings findings;
  Comparison comparison(checkpoint, findings.damages);
  comparison.blobs();
  if (const auto bytes = read_blob(store, reader, checkpoint.blobs.manifest, findings.bad)) {
    decode_and_compare(checkpoint, "manifest", findings.damages,
                       [&] { comparison.manifest(format::decode_manifest(*bytes)); });
  }
  if (const auto bytes = read_blob(store, reader, checkpoint.blobs.record, findings.bad)) {
    decode_and_compare(checkpoint, "record", findings.damages,
                       [&] { comparison.record(format::decode_record(*bytes)); });
  }
  return findings;
}

}  // namespace lastgood

// verify(), in this order, each step beside trainers and collections at work:
//   1. The catalog's own structure.
//   2. Blobs, pack by pack: header, or all bytes (verify_blobs.cpp says when a bad read is damage).
//   3. Checkpoints, one snapshot each: manifest, record and catalog tell the same; what each has of the bad blobs.
//   4. Where the store is writable: marks are set and taken, and damaged bytes copied to quarantine/.
//
// It holds nothing: no lock of its own, no pin, no long snapshot. What is forgotten, moved or collected while it looks
// is no finding: a blob that reads badly counts only when the catalog, asked again, still has it there.
#include <lastgood/verify.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "store/catalog/blobs.h"
#include "store/catalog/packs.h"
#include "store/paths.h"
#include "store/query.h"
#include "store/verify_blobs.h"
#include "store/verify_checkpoint.h"

namespace lastgood {

namespace {

using catalog::Blob;
using catalog::Connection;

// Enough work to keep all threads busy, little enough memory.
constexpr std::size_t kBatchBlobs = 4096;

class Verification {
 public:
  Verification(const StoreImpl& store, const VerifyOptions& options)
      : store_(store), options_(options), reader_(*store.files, paths::blobs(store.directory)) {}

  VerifyReport run() {
    for (const std::string& problem : store_.use().integrity_problems()) damage({}, "", "catalog: " + problem);
    try {
      // Each pack and each checkpoint is asked for by itself: one snapshot over the whole check would hold up every
      // writer, or keep the write-ahead log from being folded back, for as long as it takes.
      options_.checkpoint ? check_one(*options_.checkpoint) : check_all();
      settle();
    } catch (const Error& error) {
      // A catalog so damaged that its questions cannot be answered is a finding, not a failure to look.
      if (error.code() != ErrorCode::corruption) throw;
      damage({}, "", "catalog: " + std::string(error.what()));
    }
    const auto key = [](const Damage& damage) { return std::tie(damage.checkpoint, damage.entry, damage.what); };
    std::stable_sort(report_.damages.begin(), report_.damages.end(),
                     [&](const Damage& a, const Damage& b) { return key(a) < key(b); });
    return report_;
  }

 private:
  /// Blobs in batches over several packs: many packs hold a few blobs only, and threads want work.
  void check_all() {
    const auto packs = query(store_, [](Connection& db) { return catalog::list_packs(db); });
    std::uint64_t total = 0;
    for (const catalog::PackRow& pack : packs) total += pack.live_bytes;
    BlobChecker checker(store_, reader_, options_, total);
    std::vector<Blob> batch;
    for (const catalog::PackRow& pack : packs) {
      if (pack.live_blobs > 0) check_pack_header(pack);
      for (const Blob& blob : query(store_, [&](Connection& db) { return catalog::blobs_in_pack(db, pack.id); })) {
        if (blob.state == catalog::BlobState::live) batch.push_back(blob);
      }
      if (batch.size() < kBatchBlobs) continue;
      checker.check(batch);
      batch.clear();
    }
    checker.check(batch);
    take(checker.result());
    const auto all = query(store_, [](Connection& db) { return catalog::list_checkpoints(db, {}); });
    for (const CheckpointInfo& checkpoint : all) visit(checkpoint.id);
  }

  /// No load reads it, but without it a rebuild does not know whose pack that is. A missing pack is found blob by blob.
  void check_pack_header(const catalog::PackRow& pack) {
    try {
      if (reader_.read_pack_header(pack.uuid).store == store_.use().store_uuid()) return;
      report_.damages.push_back({{}, "", paths::pack_name(pack.uuid), 0, "the pack's header names another store"});
    } catch (const Error& error) {
      if (!tells_of_damage(error)) throw;
      const auto info = store_.files->info(paths::pack(store_.directory, pack.uuid));
      if (!info || info->size < format::kHeaderBytes) return;
      report_.damages.push_back({{}, "", paths::pack_name(pack.uuid), 0, "the pack's header is damaged"});
    }
  }

  /// Each blob once, however often the checkpoint uses it.
  void check_one(CheckpointId id) {
    query(store_, [&](Connection& db) { return (require_checkpoint(db, id), true); });
    const auto checkpoint = snapshot_of(store_, id);
    if (!checkpoint) return;  // forgotten since
    std::map<catalog::BlobId, Blob> blobs;
    for (const Blob& blob : checkpoint->blobs.chunks) blobs.emplace(blob.id, blob);
    for (const Blob& blob : {checkpoint->blobs.manifest, checkpoint->blobs.record}) blobs.emplace(blob.id, blob);
    std::vector<Blob> in_pack_order;
    std::uint64_t total = 0;
    for (const auto& [blob_id, blob] : blobs) {
      in_pack_order.push_back(blob);
      total += blob.frame.stored_bytes;
    }
    // In the order of the disk.
    std::sort(in_pack_order.begin(), in_pack_order.end(), [](const Blob& a, const Blob& b) {
      return std::pair(a.place.pack, a.place.offset) < std::pair(b.place.pack, b.place.offset);
    });
    BlobChecker checker(store_, reader_, options_, total);
    checker.check(in_pack_order);
    take(checker.result());
    visit(id);
    visit_sharers(id);
  }

  /// What is damaged in one checkpoint may be needed by others.
  void visit_sharers(CheckpointId visited) {
    std::set<CheckpointId> sharers;
    for (const auto& [id, bad] : bad_) {
      const catalog::BlobId blob = id;
      for (const auto other : query(store_, [&](Connection& db) { return catalog::checkpoints_with_blob(db, blob); })) {
        if (other != visited) sharers.insert(other);
      }
    }
    for (const CheckpointId sharer : sharers) {
      if (const auto checkpoint = snapshot_of(store_, sharer)) name_bad_blobs(*checkpoint);
    }
  }

  void take(const CheckedBlobs& checked) {
    report_.blobs += checked.blobs;
    report_.bytes += checked.bytes;
    for (const BadBlob& bad : checked.bad) bad_.emplace(bad.blob.id, bad);
    recovered_ = checked.recovered;
  }

  /// A checkpoint that was forgotten meanwhile counts for nothing.
  void visit(CheckpointId id) {
    if (options_.progress && !options_.progress({"checkpoints", report_.bytes, report_.bytes})) {
      throw Error(ErrorCode::cancelled, store_.directory.string(), "the check was stopped; nothing was changed");
    }
    try {
      const auto checkpoint = snapshot_of(store_, id);
      if (!checkpoint) return;
      ++report_.checkpoints;
      const CheckpointFindings findings = check_checkpoint(store_, reader_, *checkpoint);
      report_.damages.insert(report_.damages.end(), findings.damages.begin(), findings.damages.end());
      for (const BadBlob& bad : findings.bad) bad_.emplace(bad.blob.id, bad);
      name_bad_blobs(*checkpoint);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corruption) throw;
      damage(id, "", "catalog: " + std::string(error.what()));
    }
  }

  /// One damage for each place in the checkpoint that a bad blob has.
  void name_bad_blobs(const CheckpointSnapshot& checkpoint) {
    for (const Role& role : roles_of(checkpoint, bad_)) {
      const BadBlob& bad = bad_.at(role.blob);
      damage(checkpoint.info.id, role.entry, bad.what + role.part, &bad.blob);
      needed_.insert(role.blob);
    }
  }

  /// At the very end: a check that is cancelled marks nothing.
  void settle() {
    std::vector<BadBlob> bad_blobs;
    for (const auto& [id, bad] : bad_) {
      bad_blobs.push_back(bad);
      // No checkpoint lacks it, but a later save could have built on it.
      if (!needed_.contains(id)) damage({}, "", bad.what, &bad.blob);
    }
    set_aside(store_, reader_, bad_blobs);
    clear_marks(store_, recovered_);
  }

  void damage(std::optional<CheckpointId> checkpoint, const std::string& entry, const std::string& what,
              const Blob* blob = nullptr) {
    report_.damages.push_back(
        {checkpoint, entry, blob ? paths::pack_name(blob->place.pack_uuid) : "", blob ? blob->place.offset : 0, what});
  }

  const StoreImpl& store_;
  const VerifyOptions& options_;
  io::PackReader reader_;
  VerifyReport report_;
  BadBlobs bad_;
  std::set<catalog::BlobId> needed_;  // of the bad ones, by some checkpoint
  std::vector<Blob> recovered_;
};

}  // namespace

VerifyReport verify(const Store& store, const VerifyOptions& options) {
  return Verification(store.impl(), options).run();
}

}  // namespace lastgood

// The same questions as a collection asks, in the same order, with the answers pretended instead of written: what no
// checkpoint would refer to counts as dead. Compaction is left out.
//
// Changes nothing, and so may be wrong in both directions: a save under way may pin what is counted as free, and a
// compaction, which is left out, would free more.
#include "store/gc_estimate.h"

#include <algorithm>
#include <set>

#include "store/catalog/blobs.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/packs.h"
#include "store/dead_saves.h"
#include "store/extents.h"
#include "store/paths.h"
#include "store/query.h"
#include "store/sweep.h"

namespace lastgood {

namespace {

using catalog::Blob;
using catalog::BlobId;
using catalog::BlobState;

/// The pack's rows as a collection would leave them, `released` (sorted) with no references left; returns how many are
/// dead.
std::uint64_t pretend_to_mark(std::vector<Blob>& blobs, const std::vector<BlobId>& released) {
  for (Blob& blob : blobs) {
    const bool freed = std::binary_search(released.begin(), released.end(), blob.id);
    if (blob.refs == 0 || freed) blob.state = BlobState::dead;
  }
  return static_cast<std::uint64_t>(
      std::count_if(blobs.begin(), blobs.end(), [](const Blob& blob) { return blob.state == BlobState::dead; }));
}

void estimate_pack(const StoreImpl& store, const catalog::PackRow& pack, const std::vector<BlobId>& released,
                   GcReport& report) {
  auto blobs = query(store, [&](catalog::Connection& db) { return catalog::blobs_in_pack(db, pack.id); });
  const std::uint64_t dead = pretend_to_mark(blobs, released);
  report.blobs_freed += dead;
  const auto file = store.files->open(paths::pack(store.directory, pack.uuid), false);
  const std::uint64_t allocated = file ? file->allocated_bytes() : 0;
  if (dead == blobs.size()) {
    ++report.packs_removed;
    report.bytes_freed += allocated;
  } else if (dead > 0 && file) {
    // Not the sum of the free extents: some are holes already.
    const std::uint64_t block = store.files->block_bytes(paths::blobs(store.directory));
    // In whole blocks, as the last free extent may end behind the file.
    std::uint64_t kept = (file->size() + block - 1) / block * block;
    for (const Extent& extent : free_extents(blobs, file->size(), block)) kept -= extent.end - extent.begin;
    report.bytes_freed += allocated > kept ? allocated - kept : 0;
  }
}

}  // namespace

GcReport estimate_collection(const StoreImpl& store, const GcOptions& options) {
  GcReport report;
  const ProgressFn& progress = options.progress;
  const std::vector<BlobId> released =
      query(store, [&](catalog::Connection& db) { return catalog::blobs_only_in(db, options.forgetting); });
  std::set<format::Uuid> dead;
  // To ask a lock is to take it for a moment, which a read-only handle does not do: it counts no save as dead.
  if (!store.read_only) {
    for (const DeadSave& save : lock_dead_saves(store)) dead.insert(save.row.uuid);
  }
  report.dead_saves = dead.size();
  std::uint64_t done = 0;
  for (const auto& pack : query(store, [](catalog::Connection& db) { return catalog::list_packs(db); })) {
    if (pack.owner_in_flight && !dead.contains(pack.uuid)) continue;
    estimate_pack(store, pack, released, report);
    done += pack.live_bytes;
    if (progress && !progress({"estimate", done, 0})) {
      throw Error(ErrorCode::cancelled, store.directory.string(), "the estimate was stopped; nothing was changed");
    }
  }
  for (const format::Uuid& orphan : find_orphans(store)) {
    if (holds_checkpoint(store, orphan)) continue;  // will be set aside
    ++report.orphans_removed;
    report.bytes_freed += allocated_bytes(store, orphan);
  }
  return report;
}

}  // namespace lastgood

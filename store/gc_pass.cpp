// A collection, step by step (FORMAT.md, "The protocol", rules 7 to 11):
//   1. Dead saves: the lock of each save in flight is tried; one that can be locked is dead, and stays so because its
//      lock is ours until step 2 is committed.
//   2. Mark, in one durable commit that always writes (a counter): end the dead saves, and turn LIVE blobs that nobody
//      references or pins DEAD. It always writes because a commit of somebody killed in it may be invisible in the log
//      and come to life later; a real commit settles that, an empty one does not. From here on, no power cut brings
//      back a catalog that needs what step 3 destroys: DEAD never becomes LIVE again.
//   3. Destroy: unlink packs without a LIVE blob whose owner is gone (an owner in flight could still add one), and sync
//      the folder; punch the free blocks of packs that keep some, and sync each.
//   4. Drop the rows of exactly what was destroyed; this commit may be lost. A cut before it repeats 3 and 4 next time;
//      dropped first, a cut would leak the space, and a lost punch would leave bytes that nobody knows of.
//   5. Compact packs that waste too much (compact.cpp), then 3 and 4 for each of them.
//   6. Sweep orphans and stale lock files: folder first, catalog second, in a transaction after the marks. An
//      orphan that holds a checkpoint is moved to quarantine/.
#include <lastgood/command_line.h>

#include "store/gc_pass.h"

#include <algorithm>

#include "store/catalog/blobs.h"
#include "store/compact.h"
#include "store/dead_saves.h"
#include "store/extents.h"
#include "store/paths.h"
#include "store/query.h"
#include "store/rules.h"
#include "store/sweep.h"

namespace lastgood {

namespace {

using catalog::Blob;
using catalog::Connection;
using catalog::Durability;
using catalog::PackRow;

std::vector<Blob> blobs_of(const StoreImpl& store, const PackRow& pack) {
  return query(store, [&](Connection& db) { return catalog::blobs_in_pack(db, pack.id); });
}

std::uint64_t count(std::span<const Blob> blobs, catalog::BlobState state) {
  const auto is_in_state = [&](const Blob& blob) { return blob.state == state; };
  return static_cast<std::uint64_t>(std::count_if(blobs.begin(), blobs.end(), is_in_state));
}

/// Damaged blobs cannot be copied, so compaction could not empty the pack: it waits until they are healed or forgotten.
bool has_damage(std::span<const Blob> blobs) {
  for (const Blob& blob : blobs) {
    if (blob.damaged && blob.state == catalog::BlobState::live) return true;
  }
  return false;
}

}  // namespace

// Packs are listed once, after the marks. One that a save makes later is not in the list, and is the next pass's.
GcReport GcPass::run() {
  mark();
  // After the marks. What is not in flight here never gets another blob: owners' rows only go, and a compaction is this
  // pass's own.
  const auto packs = query(store_, [](Connection& db) { return catalog::list_packs(db); });
  for (const PackRow& pack : packs) {
    if (!(rules::ask_owner && pack.owner_in_flight)) reclaim(pack);
  }
  drop_destroyed();
  for (const PackRow& pack : packs) {
    if (!pack.owner_in_flight && pack.live_blobs > 0) compact_wasteful(pack);
  }
  sweep();
  // Negative where a compaction's copy took more than could be freed of the old pack.
  report_.bytes_freed = balance_ > 0 ? static_cast<std::uint64_t>(balance_) : 0;
  return report_;
}

void GcPass::mark() {
  // Held until the commit is through: nobody can come to life under one of these names meanwhile.
  const std::vector<DeadSave> dead = lock_dead_saves(store_);
  const Durability durability = rules::mark_durable ? Durability::durable : Durability::relaxed;
  store_.use_for_writing().write(durability, [&](Connection& db) {
    catalog::raise_gc_counter(db);
    for (const DeadSave& save : dead) catalog::end_save(db, save.row.id);
    catalog::mark_unreferenced(db);
    if (rules::mark_first) return;
    // For the weakened build of the tests alone: destroying before the mark.
    for (const PackRow& pack : catalog::list_packs(db)) {
      if (pack.live_blobs == 0 && !pack.owner_in_flight) unlink(pack.uuid);
    }
  });
  remove_lock_files(store_, dead);
  report_.dead_saves = dead.size();
}

void GcPass::reclaim(const PackRow& pack) {
  if (pack.live_blobs == 0) {
    report("collect", allocated_bytes(store_, pack.uuid));
    unlink(pack.uuid);
    unlinked_.push_back(pack);
  } else if (pack.dead_blobs > 0) {
    report("collect", pack.live_bytes);
    const std::vector<Blob> blobs = blobs_of(store_, pack);
    if (rules::drop_last && !punch(pack, blobs)) return;
    for (const Blob& blob : blobs) {
      if (blob.state == catalog::BlobState::dead) punched_.push_back(blob.id);
    }
    if (rules::drop_last) return;
    drop_destroyed();
    punch(pack, blobs);
  }
}

// Of a pack that readers have open, the kernel frees the blocks when they close it; they read on undisturbed.
void GcPass::unlink(const format::Uuid& pack) {
  const std::uint64_t before = allocated_bytes(store_, pack);
  store_.files->unlink(paths::pack(store_.directory, pack));
  freed(before, 0);
}

/// True where the pack holds nothing any more that could be given back; false where that has to wait for compaction.
bool GcPass::punch(const PackRow& pack, std::span<const Blob> blobs) {
  const auto file = store_.files->open(paths::pack(store_.directory, pack.uuid), true);
  if (!file) {
    store_.warn("pack " + paths::pack_name(pack.uuid) + " is missing; run `lastgood verify` to see what that touches");
    return false;
  }
  const std::uint64_t block = store_.files->block_bytes(paths::blobs(store_.directory));
  const std::vector<Extent> extents = free_extents(blobs, file->size(), block);
  const std::uint64_t before = file->allocated_bytes();
  for (const Extent& extent : extents) {
    // Asked once: a file system that has no holes here has none in the next pack either.
    can_punch_ = can_punch_ && file->punch_hole(extent.begin, extent.end - extent.begin);
  }
  // A pack without a whole free block has nothing to wait for.
  if (!can_punch_ && !extents.empty()) return false;
  // Before the rows go: a punch that a power cut undoes must still be known to need another one.
  if (!extents.empty() && rules::sync_punched) file->sync_data();
  freed(before, file->allocated_bytes());
  return true;
}

void GcPass::drop_destroyed() {
  if (unlinked_.empty() && punched_.empty()) return;
  // Before the rows go: a name that a power loss brings back without a row would be an orphan, and one with a record in
  // it is set aside by the sweep, not freed.
  if (!unlinked_.empty()) store_.files->sync_directory(paths::blobs(store_.directory));
  store_.use_for_writing().write(Durability::relaxed, [&](Connection& db) {
    for (const PackRow& pack : unlinked_) catalog::drop_pack(db, pack.id);
    catalog::drop_dead(db, punched_);
  });
  for (const PackRow& pack : unlinked_) report_.blobs_freed += pack.dead_blobs;
  report_.blobs_freed += punched_.size();
  report_.packs_removed += unlinked_.size();
  unlinked_.clear();
  punched_.clear();
}

void GcPass::compact_wasteful(const PackRow& pack) {
  const auto file = store_.files->open(paths::pack(store_.directory, pack.uuid), false);
  // A block that the pack's end leaves half empty is no waste: a copy would have it, too.
  const std::uint64_t allocated = file ? std::min(file->allocated_bytes(), file->size()) : 0;
  // The cheap figure first: padding left out, it promises too much, and never too little.
  if (!worth_compacting(allocated, pack.live_bytes, can_punch_)) return;
  std::vector<Blob> blobs = blobs_of(store_, pack);
  if (count(blobs, catalog::BlobState::live) == 0 || has_damage(blobs)) return;
  if (!worth_compacting(allocated, packed_size(blobs), can_punch_)) return;
  report("compact", pack.live_bytes);
  freed(0, allocated_bytes(store_, compact(store_, pack, blobs)));
  ++report_.packs_compacted;
  PackRow left = pack;
  blobs = blobs_of(store_, pack);
  // From the rows as they are now: what was damaged stayed, and keeps the old pack from being unlinked.
  left.live_blobs = count(blobs, catalog::BlobState::live);
  left.dead_blobs = count(blobs, catalog::BlobState::dead);
  reclaim(left);
  drop_destroyed();
}

void GcPass::sweep() {
  const std::vector<format::Uuid> orphans = find_orphans(store_);
  for (const format::Uuid& orphan : orphans) {
    report("sweep", allocated_bytes(store_, orphan));
    if (holds_checkpoint(store_, orphan)) {
      set_aside(orphan);
    } else {
      unlink(orphan);
      ++report_.orphans_removed;
    }
  }
  if (!orphans.empty()) store_.files->sync_directory(paths::blobs(store_.directory));
  sweep_save_locks(store_);
}

void GcPass::set_aside(const format::Uuid& orphan) {
  const auto quarantine = paths::quarantine(store_.directory);
  store_.files->rename(paths::pack(store_.directory, orphan), quarantine / paths::pack_name(orphan));
  store_.files->sync_directory(quarantine);
  store_.warn(
      "pack " + paths::pack_name(orphan) +
      " holds checkpoints that the catalog does not know; it was moved to quarantine/: to have them back, move it "
      "to blobs/ again and run `" +
      command_line(store_.directory, "rebuild") + "`");
}

void GcPass::report(std::string_view phase, std::uint64_t bytes) {
  done_ += bytes;
  if (!progress_ || progress_({phase, done_, 0})) return;
  // What is destroyed already must not wait for the next pass.
  drop_destroyed();
  throw Error(ErrorCode::cancelled, store_.directory.string(),
              "the collection was stopped; the store is sound, and the next collection frees the rest");
}

void GcPass::freed(std::uint64_t before, std::uint64_t after) {
  balance_ += static_cast<std::int64_t>(before) - static_cast<std::int64_t>(after);
}

}  // namespace lastgood

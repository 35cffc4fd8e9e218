// One collection at work: what collect_garbage() does between taking and releasing the gc lock.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <lastgood/gc.h>

#include "store/catalog/packs.h"
#include "store/catalog/rows.h"
#include "store/store_impl.h"

namespace lastgood {

/// REQUIRES: the caller holds the gc lock over the object's whole life. For one thread, and for one run().
class GcPass {
 public:
  GcPass(const StoreImpl& store, const ProgressFn& progress) : store_(store), progress_(progress) {}

  GcReport run();

 private:
  /// Steps 1 and 2. Durable on return.
  void mark();
  /// Step 3 for one pack, whose rows are `pack`'s. What is destroyed waits in the lists below for step 4.
  void reclaim(const catalog::PackRow& pack);
  /// Step 5 for one pack, where it pays. Its own steps 3 and 4 included.
  void compact_wasteful(const catalog::PackRow& pack);
  /// Moves an orphan that holds a checkpoint to quarantine/. The caller syncs blobs/.
  void set_aside(const format::Uuid& orphan);
  /// Removes the file and counts what that frees. The caller syncs the folder.
  void unlink(const format::Uuid& pack);
  bool punch(const catalog::PackRow& pack, std::span<const catalog::Blob> blobs);
  /// Drops the rows of what is in unlinked_ and punched_, and empties both. May be called at any time between two
  /// packs.
  void drop_destroyed();
  /// Step 6.
  void sweep();
  /// Tells the caller's progress, and throws Error(cancelled) where that asks to stop. Only at points where stopping is
  /// safe.
  void report(std::string_view phase, std::uint64_t bytes);
  void freed(std::uint64_t before, std::uint64_t after);

  const StoreImpl& store_;
  const ProgressFn& progress_;
  GcReport report_;
  bool can_punch_ = true;     // until the file system refuses
  std::int64_t balance_ = 0;  // bytes freed less bytes that copies took
  std::uint64_t done_ = 0;
  std::vector<catalog::PackRow> unlinked_;  // destroyed, and not yet dropped from the catalog
  std::vector<catalog::BlobId> punched_;
};

}  // namespace lastgood

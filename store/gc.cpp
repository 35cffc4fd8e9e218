// collect_garbage(): one collection at a time per store, by a lock that is held over the whole pass, compaction and
// sweep included. The pass itself, step by step: gc_pass.cpp.
//
// A collection that is cut off needs no repair: every step can be done again, and the next collection does. Its lock
// goes with its process.
#include <lastgood/gc.h>

#include "store/gc_estimate.h"
#include "store/gc_pass.h"
#include "store/holder.h"
#include "store/paths.h"

namespace lastgood {

namespace {

std::unique_ptr<io::FileLock> lock_collection(const StoreImpl& store) {
  const auto path = paths::gc_lock(store.directory);
  auto lock = store.files->try_lock(path, io::LockMode::exclusive);
  if (!lock) {
    throw Error(ErrorCode::busy, store.directory.string(),
                "another collection is running in " + store.directory.string() + " (" +
                    describe_holder(*store.files, path) + "); wait until it is done");
  }
  sign(*lock);
  return lock;
}

}  // namespace

GcReport collect_garbage(const Store& store, const GcOptions& options) {
  if (!options.dry_run && !options.forgetting.empty()) {
    throw Error(ErrorCode::invalid_argument, "forgetting",
                "a collection forgets nothing by itself: call forget() first, or ask for a dry run");
  }
  const StoreImpl& impl = store.impl();
  // A read-only handle takes no lock: its estimate may count a compaction's new pack, which has no row yet, for an
  // orphan.
  if (options.dry_run && impl.read_only) return estimate_collection(impl, options);
  impl.use_for_writing();
  const auto lock = lock_collection(impl);
  return options.dry_run ? estimate_collection(impl, options) : GcPass(impl, options.progress).run();
}

}  // namespace lastgood

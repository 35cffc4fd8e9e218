// Saves whose process died: their row is there, but nobody holds their lock. For the holder of the gc lock, in this
// order: lock them, commit their end, remove their files.
#pragma once

#include <memory>
#include <vector>

#include "store/catalog/saves.h"
#include "store/store_impl.h"

namespace lastgood {

/// A save known to be dead, because its lock is now ours; it stays so while `lock` is held.
struct DeadSave {
  catalog::SaveRow row;
  std::unique_ptr<io::FileLock> lock;
};

/// Takes the lock of every save in flight that can be locked. The kernel frees a lock on any death of its holder, so
/// no clock and no process id is asked.
std::vector<DeadSave> lock_dead_saves(const StoreImpl& store);

/// Removes their lock files, while they are still held: a file that is unlocked may be another's by then.
/// REQUIRES: the commit that ended the saves has happened.
void remove_lock_files(const StoreImpl& store, const std::vector<DeadSave>& saves);

/// Removes the lock files of saves that have no row and are not running: left by a power cut or a kill before the row.
/// A cut in between leaves the others for the next sweep.
void sweep_save_locks(const StoreImpl& store);

}  // namespace lastgood

// Where the parts of a store lie under its directory. The one place that knows: FORMAT.md lists the same.
//
// Pure functions: nothing here looks whether a path is there.
#pragma once

#include <filesystem>
#include <string>

#include <lastgood/ids.h>

#include "store/format/uuid.h"

namespace lastgood::paths {

using Path = std::filesystem::path;

/// SQLite's own files stand beside it: -journal, -wal, -shm. Whoever moves it has to see to them, too (rebuild.cpp).
inline Path catalog(const Path& store) {
  return store / "catalog.db";
}
inline Path blobs(const Path& store) {
  return store / "blobs";
}
inline Path locks(const Path& store) {
  return store / "locks";
}
/// Nothing reads what is in it; people may empty it at any time.
inline Path quarantine(const Path& store) {
  return store / "quarantine";
}

inline std::string pack_name(const format::Uuid& pack) {
  return pack.hex() + ".pack";
}
inline Path pack(const Path& store, const format::Uuid& uuid) {
  return blobs(store) / pack_name(uuid);
}

/// Held by a save from before its row exists until after its end.
inline Path save_lock(const Path& store, const format::Uuid& save) {
  return locks(store) / ("save-" + save.hex());
}
/// Held by the one trainer of a run.
inline Path run_lock(const Path& store, RunId run) {
  return locks(store) / ("run-" + std::to_string(run.value));
}
/// Held over a whole collection.
inline Path gc_lock(const Path& store) {
  return locks(store) / "gc";
}
/// Shared by everyone who may write; exclusive for a rebuild, which exchanges the catalog.
inline Path store_lock(const Path& store) {
  return locks(store) / "store";
}

}  // namespace lastgood::paths

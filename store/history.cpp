// Questions of the public API, each answered from one snapshot of the catalog; two calls may see two states. Only
// store_stats() looks at files as well, and its figures are of slightly different moments.
#include <lastgood/history.h>

#include "store/catalog/checkpoints.h"
#include "store/catalog/runs.h"
#include "store/paths.h"
#include "store/query.h"

namespace lastgood {

namespace {

/// What the packs occupy. A pack that gc removes meanwhile counts for nothing.
std::uint64_t allocated_for_packs(const StoreImpl& store) {
  const auto folder = paths::blobs(store.directory);
  std::uint64_t bytes = 0;
  for (const io::DirectoryEntry& entry : store.files->list(folder)) {
    if (entry.is_directory) continue;
    if (const auto file = store.files->open(folder / entry.name, false)) bytes += file->allocated_bytes();
  }
  return bytes;
}

/// Asked by path: opening the catalog outside of SQLite would drop the locks that this process holds on it.
std::uint64_t catalog_size(const StoreImpl& store) {
  std::uint64_t bytes = 0;
  // The log is a part of the catalog until it is folded back; a rollback journal is not.
  for (const char* suffix : {"", "-wal"}) {
    const auto info = store.files->info(paths::catalog(store.directory).string() + suffix);
    if (info) bytes += info->size;
  }
  return bytes;
}

}  // namespace

std::vector<CheckpointInfo> list_checkpoints(const Store& store, const ListQuery& query) {
  return lastgood::query(store, [&](catalog::Connection& db) { return catalog::list_checkpoints(db, query); });
}

std::optional<CheckpointInfo> find_checkpoint(const Store& store, CheckpointId id) {
  return query(store, [&](catalog::Connection& db) { return catalog::find_checkpoint(db, id); });
}

std::optional<CheckpointInfo> last_stable(const Store& store, const std::string& run) {
  return query(store, [&](catalog::Connection& db) {
    const std::optional<CheckpointId> id = catalog::last_stable(db, run);
    return id ? catalog::find_checkpoint(db, *id) : std::nullopt;
  });
}

std::vector<RunInfo> list_runs(const Store& store) {
  return query(store, [](catalog::Connection& db) { return catalog::list_runs(db); });
}

std::vector<SessionInfo> list_sessions(const Store& store, const std::optional<std::string>& run) {
  return query(store, [&](catalog::Connection& db) { return catalog::list_sessions(db, run); });
}

std::uint64_t bytes_unique(const Store& store, CheckpointId checkpoint) {
  return query(store, [&](catalog::Connection& db) {
    require_checkpoint(db, checkpoint);
    return catalog::bytes_only_in(db, {&checkpoint, 1});
  });
}

std::map<CheckpointId, std::uint64_t> bytes_unique(const Store& store, std::span<const CheckpointId> checkpoints) {
  return query(store, [&](catalog::Connection& db) { return catalog::bytes_unique(db, checkpoints); });
}

StoreStats store_stats(const Store& store) {
  StoreStats stats = query(store, [](catalog::Connection& db) { return catalog::stats(db); });
  stats.bytes_on_disk = allocated_for_packs(store.impl());
  stats.catalog_bytes = catalog_size(store.impl());
  return stats;
}

}  // namespace lastgood

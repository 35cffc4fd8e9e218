// A lock that can be taken is the only proof of death: process ids are used again, clocks jump, and a machine that
// sleeps looks dead to any time-out. Between the look and the commit that ends the saves, the proof is kept by holding
// on to the locks.
#include "store/dead_saves.h"

#include <set>
#include <string_view>
#include <utility>

#include "store/paths.h"
#include "store/query.h"
#include "store/rules.h"

namespace lastgood {

namespace {

constexpr std::string_view kSavePrefix = "save-";

std::optional<format::Uuid> save_of(const std::string& name) {
  if (!name.starts_with(kSavePrefix)) return std::nullopt;
  return format::Uuid::from_hex(std::string_view(name).substr(kSavePrefix.size()));
}

}  // namespace

std::vector<DeadSave> lock_dead_saves(const StoreImpl& store) {
  const auto in_flight = query(store, [](catalog::Connection& db) { return catalog::saves_in_flight(db); });
  std::vector<DeadSave> dead;
  for (const catalog::SaveRow& row : in_flight) {
    // Rows first, locks second: a save that ends in between lets its lock go as well, and is taken for dead without
    // harm, since its row is gone by then.
    auto lock = store.files->try_lock(paths::save_lock(store.directory, row.uuid), io::LockMode::exclusive);
    if (lock || !rules::respect_locks) dead.push_back({row, std::move(lock)});
  }
  return dead;
}

void remove_lock_files(const StoreImpl& store, const std::vector<DeadSave>& saves) {
  for (const DeadSave& save : saves) store.files->unlink(paths::save_lock(store.directory, save.row.uuid));
}

void sweep_save_locks(const StoreImpl& store) {
  // Folder first, catalog second: a save locks its file before it has a row, so a file without a row that can be locked
  // belongs to no save that ever gets one. (A save that meets our lock in its first moment takes another name.)
  const std::vector<io::DirectoryEntry> listed = store.files->list(paths::locks(store.directory));
  std::set<format::Uuid> in_flight;
  for (const auto& row : query(store, [](catalog::Connection& db) { return catalog::saves_in_flight(db); })) {
    in_flight.insert(row.uuid);
  }
  for (const io::DirectoryEntry& entry : listed) {
    const std::optional<format::Uuid> save = save_of(entry.name);
    if (!save || in_flight.contains(*save)) continue;
    const auto path = paths::save_lock(store.directory, *save);
    if (const auto lock = store.files->try_lock(path, io::LockMode::exclusive)) store.files->unlink(path);
  }
}

}  // namespace lastgood

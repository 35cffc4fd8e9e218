// rebuild(), step by step, and what a cut after each leaves:
//   1. Lock the store against everyone who writes. (Nothing changed.)
//   2. Scan the packs; every content is checked against its hash. (Nothing changed.)
//   3. Write the new catalog to a file of its own, with a rollback journal, so that after the commit and the close one
//      file is all there is. (The old catalog is in use; the new file is removed by the next rebuild.)
//   4. Move the old catalog to quarantine/, and sync both folders. (No catalog: a store says so, and wants a rebuild.)
//   5. Move its journals after it, and sync. They go after their database: without its hot journal the old catalog
//      would be read torn. And they go before step 6: SQLite would replay an old journal into the new catalog.
//   6. Rename the new catalog into place, and sync. (The new catalog.)
#include "store/rebuild_on.h"

#include <array>

#include <lastgood/error.h>

#include "store/catalog/catalog.h"
#include "store/holder.h"
#include "store/inventory.h"
#include "store/paths.h"
#include "store/restore.h"

namespace lastgood {

namespace {

using Path = std::filesystem::path;

constexpr std::array kJournalSuffixes = {"-journal", "-wal", "-shm"};

Path with_suffix(const Path& path, const char* suffix) {
  return path.string() + suffix;
}

class Rebuild {
 public:
  Rebuild(const Path& directory, const ProgressFn& progress, io::FileSystem& files)
      : directory_(directory),
        fresh_(with_suffix(paths::catalog(directory), ".new")),
        progress_(progress),
        files_(files),
        reader_(files, paths::blobs(directory)) {}

  RebuildReport report_only() {
    const Inventory inventory = take_inventory(files_, directory_, progress_);
    RebuildReport report = summary(inventory);
    append(report, for_each_restorable(inventory, OldCatalog(files_, directory_), reader_, [](const auto&) {}));
    return report;
  }

  /// Every step may be repeated: a rebuild that was cut off is done again from the start, and ends with the same
  /// catalog.
  RebuildReport run() {
    const auto lock = lock_store();
    const Inventory inventory = take_inventory(files_, directory_, progress_);
    RebuildReport report = summary(inventory);
    remove_fresh();
    append(report, write_catalog(inventory));
    report.old_catalog = set_old_aside();
    files_.rename(fresh_, paths::catalog(directory_));
    files_.sync_directory(directory_);
    remove_fresh();  // its journal, which is done with
    return report;
  }

 private:
  static RebuildReport summary(const Inventory& inventory) {
    RebuildReport report;
    report.packs = inventory.packs.size();
    for (const FoundPack& pack : inventory.packs) report.blobs += pack.blobs.size();
    report.damaged_frames = inventory.damaged_frames;
    report.incomplete = inventory.left_out;
    return report;
  }

  static void append(RebuildReport& report, RestoreReport restored) {
    report.checkpoints = restored.checkpoints;
    report.damaged = std::move(restored.damaged);
    report.collected = std::move(restored.collected);
    report.incomplete.insert(report.incomplete.end(), restored.incomplete.begin(), restored.incomplete.end());
  }

  void require_directory(const Path& path) {
    if (!files_.info(path)) files_.make_directory(path);
  }

  std::unique_ptr<io::FileLock> lock_store() {
    require_directory(paths::locks(directory_));
    const Path path = paths::store_lock(directory_);
    auto lock = files_.try_lock(path, io::LockMode::exclusive);
    if (!lock) {
      throw Error(
          ErrorCode::busy, directory_.string(),
          directory_.string() + " is open for writing in another process: end its trainers and commands, then rebuild");
    }
    sign(*lock);
    return lock;
  }

  /// Also what a rebuild that was cut off has left under the name.
  void remove_fresh() {
    files_.unlink(fresh_);
    for (const char* suffix : kJournalSuffixes) files_.unlink(with_suffix(fresh_, suffix));
  }

  RestoreReport write_catalog(const Inventory& inventory) {
    catalog::Options options;
    options.vfs = files_.sqlite_vfs();
    options.local = false;  // no write-ahead log: it would be a second file to move
    const catalog::Catalog fresh = catalog::Catalog::create(fresh_, inventory.store, options);
    const OldCatalog old(files_, directory_);
    RestoreReport report;
    fresh.write(catalog::Durability::durable,
                [&](catalog::Connection& db) { report = restore(db, inventory, old, reader_); });
    return report;
  }

  void sync_both_folders() {
    files_.sync_directory(paths::quarantine(directory_));
    files_.sync_directory(directory_);
  }

  /// Where the old catalog went; empty where there was none. Journals are moved even where their database is gone.
  std::string set_old_aside() {
    const Path old = paths::catalog(directory_);
    const Path aside = paths::quarantine(directory_) / ("catalog-" + format::Uuid::random().hex() + ".db");
    require_directory(paths::quarantine(directory_));
    const bool found = files_.info(old).has_value();
    // Into the folder of things for study, under a name of its own: nothing that was there is replaced.
    if (found) files_.rename(old, aside);
    sync_both_folders();
    for (const char* suffix : kJournalSuffixes) {
      if (files_.info(with_suffix(old, suffix))) files_.rename(with_suffix(old, suffix), with_suffix(aside, suffix));
    }
    sync_both_folders();
    return found ? aside.string() : "";
  }

  Path directory_;
  Path fresh_;
  const ProgressFn& progress_;
  io::FileSystem& files_;
  io::PackReader reader_;
};

/// The catalog may lead to a file that others use, too: whether that one or the link is to be replaced is not ours to
/// say.
void refuse_link(const Path& directory, io::FileSystem& files) {
  const Path catalog = paths::catalog(directory);
  if (!files.is_link(catalog)) return;
  throw Error(ErrorCode::invalid_argument, catalog.string(),
              catalog.string() +
                  " is a symbolic link: nothing was changed. Remove the link, or move the file that it " +
                  "leads to here in its place, then rebuild");
}

}  // namespace

RebuildReport rebuild_on(const Path& directory, bool dry_run, const ProgressFn& progress, io::FileSystem& files) {
  const auto blobs = files.info(paths::blobs(directory));
  if (!blobs || !blobs->is_directory) {
    throw Error(ErrorCode::not_found, directory.string(),
                directory.string() + " is no store: it has no folder blobs/ to rebuild a catalog from");
  }
  refuse_link(directory, files);
  // Its other findings are read again under the lock, where they count.
  static_cast<void>(OldCatalog(files, directory));  // a newer one refuses before anything else
  Rebuild rebuild(directory, progress, files);
  return dry_run ? rebuild.report_only() : rebuild.run();
}

RebuildReport rebuild(const Path& directory, bool dry_run, const ProgressFn& progress) {
  return rebuild_on(directory, dry_run, progress, io::posix_file_system());
}

}  // namespace lastgood

#include <lastgood/command_line.h>
#include <lastgood/store.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "store/catalog/packs.h"
#include "store/holder.h"
#include "store/paths.h"
#include "store/store_impl.h"

// Creating a store, so that a crash at any point leaves either no store or a whole one:
//
//   1. Make the directory and its parts; take locks/store exclusively, so that one process creates.
//   2. Write the catalog under another name and close it.
//   3. Rename it to catalog.db, which is what makes a directory a store, and sync the directory.
//
// What an interrupted creation leaves behind (empty parts, a catalog under the other name) is taken up by the next one.

namespace lastgood {
namespace {

// flock offers no wait with an end.
constexpr auto kRetryPause = std::chrono::milliseconds(10);

using Path = std::filesystem::path;

bool is_directory(io::FileSystem& files, const Path& path) {
  const auto info = files.info(path);
  return info && info->is_directory;
}

/// Each name is durable before the next one is made in it.
void make_directories(io::FileSystem& files, const Path& path) {
  if (path.empty() || files.info(path)) return;
  make_directories(files, path.parent_path());
  try {
    files.make_directory(path);
  } catch (const Error&) {
    if (!is_directory(files, path)) throw;  // else another process was faster
  }
  // Also where another process was faster: it may not have come to its own sync yet.
  files.sync_directory(path.has_parent_path() ? path.parent_path() : Path("."));
}

/// A store that has lost its catalog is told from an empty folder by this: it must never be taken for a new one.
bool holds_packs(io::FileSystem& files, const Path& directory) {
  const Path blobs = paths::blobs(directory);
  return is_directory(files, blobs) && !files.list(blobs).empty();
}

/// True where a store may be created: nothing there, an empty directory, or the rest of an interrupted creation.
bool may_create(io::FileSystem& files, const Path& directory) {
  if (!files.info(directory)) return true;
  if (!is_directory(files, directory) || holds_packs(files, directory)) return false;
  for (const io::DirectoryEntry& entry : files.list(directory)) {
    const bool ours = entry.name == "blobs" || entry.name == "locks" || entry.name == "quarantine" ||
                      entry.name.starts_with("catalog.db.new");
    if (!ours) return false;
  }
  return true;
}

[[noreturn]] void throw_no_store(io::FileSystem& files, const Path& directory) {
  const std::string name = directory.string();
  if (!files.info(directory)) {
    throw Error(ErrorCode::not_found, name, "no store at '" + name + "': there is no such directory");
  }
  if (!is_directory(files, directory)) {
    throw Error(ErrorCode::not_found, name, "no store at '" + name + "': it is a file, and a store is a directory");
  }
  if (holds_packs(files, directory)) {
    throw Error(ErrorCode::corruption, name,
                "the store '" + name + "' has lost its catalog: run `" + command_line(directory, "rebuild") +
                    "` to make it anew from the packs");
  }
  throw Error(ErrorCode::not_found, name, "no store at '" + name + "': the directory holds no catalog.db");
}

/// SQLite would wait for ever at a pipe, and a link that leads nowhere would read as a store without a catalog.
void require_catalog_file(io::FileSystem& files, const Path& directory) {
  const Path catalog = paths::catalog(directory);
  const auto info = files.info(catalog);
  const std::string name = catalog.string();
  if (!info && files.is_link(catalog)) {
    throw Error(ErrorCode::corruption, name,
                "the catalog '" + name + "' is a symbolic link that leads nowhere: bring back what it leads to, or " +
                    "remove the link and run `" + command_line(directory, "rebuild") + "`");
  }
  if (!info || !(info->is_directory || info->is_special)) return;
  throw Error(ErrorCode::corruption, name,
              "the catalog '" + name + "' is " + (info->is_directory ? "a directory" : "a pipe, a socket or a device") +
                  " and no file: `" + command_line(directory, "rebuild") +
                  "` moves it to quarantine/ and makes the catalog anew");
}

/// A copy of an empty store may lack the folder; for any other it is all.
void require_blobs(const StoreImpl& store) {
  const Path blobs = paths::blobs(store.directory);
  if (is_directory(*store.files, blobs)) return;
  bool has_packs = false;
  store.catalog->read([&](catalog::Connection& db) { has_packs = !catalog::pack_uuids(db).empty(); });
  if (has_packs) {
    throw Error(ErrorCode::corruption, blobs.string(),
                "the store '" + store.directory.string() + "' has lost its folder " + blobs.string() +
                    ", which holds all contents: put it back from a copy, or start anew in another directory");
  }
  if (!store.read_only) make_directories(*store.files, blobs);
}

/// Waits as long as the options allow.
std::unique_ptr<io::FileLock> lock_store(io::FileSystem& files, const Path& directory, io::LockMode mode,
                                         const StoreOptions& options) {
  const auto until = std::chrono::steady_clock::now() + options.busy_timeout;
  const Path path = paths::store_lock(directory);
  for (;;) {
    if (auto lock = files.try_lock(path, mode)) return lock;
    if (std::chrono::steady_clock::now() >= until) {
      throw Error(ErrorCode::busy, directory.string(),
                  "the store '" + directory.string() + "' is being created or rebuilt by " +
                      describe_holder(files, path) + ": try again when it is done");
    }
    std::this_thread::sleep_for(kRetryPause);
  }
}

catalog::Options catalog_options(const Path& directory, const StoreOptions& options, io::FileSystem& files) {
  return {options.busy_timeout, files.sqlite_vfs(), files.is_local(directory)};
}

void create(io::FileSystem& files, const Path& directory, const StoreOptions& options) {
  for (const Path& part : {paths::blobs(directory), paths::locks(directory), paths::quarantine(directory)}) {
    make_directories(files, part);
  }
  const auto lock = lock_store(files, directory, io::LockMode::exclusive, options);
  // Looked for again under the lock, which that process held while it created.
  if (files.info(paths::catalog(directory))) return;  // another process was faster
  sign(*lock);
  const Path unfinished = directory / "catalog.db.new";
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) files.unlink(unfinished.string() + suffix);
  // In braces, so that it is closed: a database must not be moved while a connection has it open.
  { catalog::Catalog::create(unfinished, format::Uuid::random(), catalog_options(directory, options, files)); }
  for (const char* suffix : {"-journal", "-wal", "-shm"}) files.unlink(unfinished.string() + suffix);
  files.rename(unfinished, paths::catalog(directory));
  files.sync_directory(directory);
}

void refuse_existing(io::FileSystem& files, const Path& directory) {
  const std::string name = directory.string();
  if (files.info(paths::catalog(directory))) {
    throw Error(ErrorCode::already_exists, name, "there is a store at '" + name + "' already: open it instead");
  }
  if (may_create(files, directory)) return;
  if (holds_packs(files, directory)) throw_no_store(files, directory);
  throw Error(ErrorCode::already_exists, name,
              "cannot make a store at '" + name + "': something else is there; name a new or an empty directory");
}

}  // namespace

// Opening, in this order:
//   1. What stands at catalog.db can be opened at all: no pipe, no link into nothing.
//   2. Where there is none: refuse, or create a store.
//   3. Take locks/store, shared, for the life of the handle; a read-only handle takes none and so keeps nobody away.
//   4. Open the catalog, which checks its version; then see that blobs/ is there.
// A failure lets go of all of it. Only empty folders, and in step 2 an empty store, may be left.
Store open_store(const std::filesystem::path& directory, OpenMode mode, StoreOptions options, io::FileSystem& files) {
  require_catalog_file(files, directory);
  if (mode == OpenMode::create) refuse_existing(files, directory);
  // Not an answer that lasts: what happens meanwhile is met under the lock in create(), or when the catalog is opened.
  const bool there = files.info(paths::catalog(directory)).has_value();
  if (!there) {
    const bool creates = mode == OpenMode::create || mode == OpenMode::open_or_create;
    if (!creates) throw_no_store(files, directory);
    refuse_existing(files, directory);
    create(files, directory, options);
  }
  auto impl = std::make_unique<StoreImpl>();
  impl->directory = directory;
  impl->files = &files;
  impl->options = std::move(options);
  impl->read_only = mode == OpenMode::read_only;
  impl->process = getpid();
  if (!impl->read_only) {
    // Copies of a store (by archives, by git) often lack what was empty.
    for (const Path& part : {paths::locks(directory), paths::quarantine(directory)}) make_directories(files, part);
    // Before the catalog is opened: a rebuild, which takes this lock alone, must not exchange it underneath.
    impl->store_lock = lock_store(files, directory, io::LockMode::shared, impl->options);
  }
  impl->catalog = impl->connect();
  require_blobs(*impl);
  return Store(std::move(impl));
}

const catalog::Catalog& StoreImpl::use() const {
  if (process != getpid()) {
    throw Error(ErrorCode::invalid_argument, directory.string(),
                "the store '" + directory.string() + "' was opened before fork(): open it again in the child");
  }
  return *catalog;
}

const catalog::Catalog& StoreImpl::use_for_writing() const {
  if (read_only) {
    throw Error(ErrorCode::permission, directory.string(),
                "the store '" + directory.string() + "' was opened for reading only");
  }
  return use();
}

// By path, each time. The shared lock on locks/store, where there is one, keeps a rebuild from exchanging the file.
std::unique_ptr<catalog::Catalog> StoreImpl::connect() const {
  const auto access = read_only ? catalog::Access::read_only : catalog::Access::read_write;
  return std::make_unique<catalog::Catalog>(
      catalog::Catalog::open(paths::catalog(directory), access, catalog_options(directory, options, *files)));
}

void StoreImpl::warn(const std::string& message) const {
  if (options.on_warning) options.on_warning(message);
}

Store::Store(std::unique_ptr<StoreImpl> impl) noexcept : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Store::~Store() {
  // In a child after fork, closing the database would let go of the parent's locks: leave it to the end of the process.
  if (impl_ && impl_->process != getpid()) static_cast<void>(impl_.release());
}

Store Store::create(const std::filesystem::path& directory, StoreOptions options) {
  return open_store(directory, OpenMode::create, std::move(options), io::posix_file_system());
}

Store Store::open(const std::filesystem::path& directory, StoreOptions options) {
  return open_store(directory, OpenMode::open, std::move(options), io::posix_file_system());
}

Store Store::open_or_create(const std::filesystem::path& directory, StoreOptions options) {
  return open_store(directory, OpenMode::open_or_create, std::move(options), io::posix_file_system());
}

Store Store::open_read_only(const std::filesystem::path& directory, StoreOptions options) {
  return open_store(directory, OpenMode::read_only, std::move(options), io::posix_file_system());
}

const std::filesystem::path& Store::path() const noexcept {
  return impl_->directory;
}
bool Store::read_only() const noexcept {
  return impl_->read_only;
}

}  // namespace lastgood

// A store: one directory with a catalog and packs, the handle that everything else takes.
//
// Any number of processes may hold one store open; any number of threads may share one handle. A handle must not be
// used in a child after fork: every call then throws invalid_argument; open the store again there instead.
//
// A handle costs one connection to the catalog, and each session one more. It keeps no pack in memory: a store may be
// of any size. What is on disk is described in store/FORMAT.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <lastgood/error.h>

namespace lastgood {

class Session;
struct SessionOptions;
struct StoreImpl;

struct StoreOptions {
  /// How long a call waits for another process that holds the catalog before it fails with `busy`. Also for one that
  /// creates or rebuilds the store, when it is opened. A save waits as long on its own thread.
  std::chrono::milliseconds busy_timeout{60'000};
  /// Told about what went wrong without stopping anything (a dead save cleaned up, damage found on the way).
  /// Called from the thread that noticed; must not throw. Several threads may call it at once.
  std::function<void(const std::string&)> on_warning = {};
};

/// Movable: sessions and what else refers to it stay good, as they refer to what is inside. A handle that was moved
/// from may only be destroyed or assigned to.
class Store {
 public:
  /// Makes a new store in `directory`, which must be absent or empty. Durable on return.
  /// Errors: already_exists, permission, no_space, unsupported_version (SQLite finds no working locks or journal
  /// there), io (no flock), busy (another process is creating it). A creation that is cut off leaves what the next one
  /// takes up.
  static Store create(const std::filesystem::path& directory, StoreOptions options = {});

  /// Opens an existing store for reading and writing. Brings a catalog of an older version up to date, in one commit;
  /// packs are never rewritten for a version's sake.
  /// Errors: not_found (nothing there, or a folder that is no store), unsupported_version (newer format),
  /// corruption (catalog damaged or gone: `lastgood rebuild`), permission, busy, no_space, io.
  static Store open(const std::filesystem::path& directory, StoreOptions options = {});

  /// open(), or create() where there is nothing yet. Never takes a store that lost its catalog for a new one. Errors:
  /// those of both, but not_found.
  static Store open_or_create(const std::filesystem::path& directory, StoreOptions options = {});

  /// Opens for reading only: needs no write permission, takes no lock, changes nothing. Whatever would write throws
  /// Error(permission), and damage that is found is not marked. Errors: those of open().
  static Store open_read_only(const std::filesystem::path& directory, StoreOptions options = {});

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Joins the run of this name (made on the first use) as its trainer. One at a time: a second gets `busy`, naming the
  /// process that holds the run. The session must not outlive the store. See session.h. A run's name is UTF-8 of 1 to
  /// 256 bytes, without control characters. Durable on return. Errors: invalid_argument (name, options), busy,
  /// permission, no_space, io.
  Session start_session(const std::string& run, const SessionOptions& options);
  Session start_session(const std::string& run);

  /// As it was given when the store was opened. REQUIRES: where it is relative, the working directory stays what it
  /// was.
  const std::filesystem::path& path() const noexcept;
  bool read_only() const noexcept;

  /// For the library's own operations.
  StoreImpl& impl() const noexcept { return *impl_; }
  explicit Store(std::unique_ptr<StoreImpl> impl) noexcept;

 private:
  std::unique_ptr<StoreImpl> impl_;
};

}  // namespace lastgood

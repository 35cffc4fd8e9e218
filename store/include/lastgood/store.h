// A store: one directory with a catalog and packs, the handle that everything else takes.
//
// Any number of processes may hold one store open; any number of threads may share one handle. A handle must not be
// used in a child after fork: every call then throws invalid_argument; open the store again there instead.
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
  /// How long a call waits for another process that holds the catalog before it fails with `busy`.
  std::chrono::milliseconds busy_timeout{60'000};
  /// Told about what went wrong without stopping anything (a dead save cleaned up, damage found on the way).
  /// Called from the thread that noticed; must not throw.
  std::function<void(const std::string&)> on_warning = {};
};

class Store {
 public:
  /// Makes a new store in `directory`, which must be absent or empty. Durable on return.
  /// Errors: already_exists, permission, no_space, unsupported_version (a file system without locks), io.
  static Store create(const std::filesystem::path& directory, StoreOptions options = {});

  /// Opens an existing store for reading and writing.
  /// Errors: not_found (nothing there, or a folder that is no store), unsupported_version (newer format),
  /// corruption (catalog damaged or gone: `lastgood rebuild`), permission, busy.
  static Store open(const std::filesystem::path& directory, StoreOptions options = {});

  /// open(), or create() where there is nothing yet. Never takes a store that lost its catalog for a new one.
  static Store open_or_create(const std::filesystem::path& directory, StoreOptions options = {});

  /// Opens for reading only: needs no write permission, takes no lock, changes nothing.
  static Store open_read_only(const std::filesystem::path& directory, StoreOptions options = {});

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Joins the run of this name (made on the first use) as its trainer. One at a time: a second gets `busy`, naming the
  /// process that holds the run. The session must not outlive the store. See session.h.
  Session start_session(const std::string& run, const SessionOptions& options);
  Session start_session(const std::string& run);

  const std::filesystem::path& path() const noexcept;
  bool read_only() const noexcept;

  /// For the library's own operations.
  StoreImpl& impl() const noexcept { return *impl_; }
  explicit Store(std::unique_ptr<StoreImpl> impl) noexcept;

 private:
  std::unique_ptr<StoreImpl> impl_;
};

}  // namespace lastgood

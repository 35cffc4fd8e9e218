// The inside of a Store handle, for the library's operations; and the way to open one on another file system.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

#include <lastgood/ids.h>
#include <lastgood/store.h>

#include "store/catalog/catalog.h"
#include "store/io/file_system.h"

namespace lastgood {

/// Safe from any thread once it is open: nothing but the catalog's own state changes. `catalog` stands below the lock
/// that it is opened under, and is closed first.
struct StoreImpl {
  std::filesystem::path directory;
  io::FileSystem* files = nullptr;
  StoreOptions options;
  bool read_only = false;
  pid_t process = 0;
  std::unique_ptr<io::FileLock> store_lock;  // shared; none where read_only
  std::unique_ptr<catalog::Catalog> catalog;

  /// The catalog. Every operation starts here: throws invalid_argument in a child after fork. Valid as long as the
  /// store. To be asked for in each operation anew, not kept: the check for a fork is in the asking.
  const catalog::Catalog& use() const;
  /// The same for an operation that changes something: throws permission on a read-only handle.
  const catalog::Catalog& use_for_writing() const;
  /// One more connection to the catalog, for a thread that must not wait for the others. Each Catalog is one
  /// connection, whose calls take turns. REQUIRES of the result: gone before this object, whose lock on the store
  /// covers it.
  std::unique_ptr<catalog::Catalog> connect() const;
  /// Tells StoreOptions::on_warning. From whatever thread noticed.
  void warn(const std::string& message) const;
};

enum class OpenMode { create, open, open_or_create, read_only };

/// What Store::create, open and so on do, on any file system. `files` must outlive the store. Durable on return where
/// it created a store. Errors: not_found, already_exists, corruption (a store that has lost its catalog or its packs),
/// busy, unsupported_version, and what the FileSystem throws.
Store open_store(const std::filesystem::path& directory, OpenMode mode, StoreOptions options, io::FileSystem& files);

}  // namespace lastgood

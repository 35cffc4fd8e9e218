// The system calls of one simulated process: counted, failed by plan, and applied to the disk under its mutex.
//
// The process's FileSystem and its SQLite VFS are thin layers over this. Every function throws lastgood::Error with the
// errno that Linux would give, or Killed. Counted are: create (a lock file, too), write, truncate, punch, sync, unlink,
// rename, make_directory and sync_directory; in the other mode also find, list and read. Locking, closing and the hint
// to start write-back are not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/io/file_system.h"
#include "tests/support/fault_plan.h"
#include "tests/support/simulated_disk.h"

namespace lastgood::test {

/// An open file: the node, and the path under which it was opened, for messages.
struct OpenNode {
  NodePtr node;
  std::filesystem::path path;
};

class SystemCalls {
 public:
  using Path = std::filesystem::path;

  SystemCalls(SimulatedDisk& disk, FaultPlan plan) : disk_(disk), plan_(plan) {}
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;
  ~SystemCalls();

  void kill();
  bool killed() const;
  std::uint64_t operations() const;
  /// What the fault met first, as "sync /store/blobs/x.pack"; nothing while it has not.
  std::optional<std::string> fault_met() const;
  SimulatedDisk& disk() const noexcept { return disk_; }

  NodePtr create(const Path& path);
  /// A file without a name, as SQLite's temporary files are.
  NodePtr create_anonymous();
  NodePtr find(const Path& path);  // nullptr where there is none
  std::vector<io::DirectoryEntry> list(const Path& path);
  void make_directory(const Path& path);
  void unlink(const Path& path);
  void rename(const Path& from, const Path& to);
  void sync_directory(const Path& path);

  std::size_t read(const OpenNode& file, std::uint64_t offset, std::span<std::byte> out);
  /// May write less than all only where `may_be_short`.
  std::size_t write(const OpenNode& file, std::uint64_t offset, std::span<const std::byte> data, bool may_be_short);
  void truncate(const OpenNode& file, std::uint64_t size);
  bool punch(const OpenNode& file, std::uint64_t offset, std::uint64_t length);
  void sync(const OpenNode& file);
  std::uint64_t size(const OpenNode& file);
  std::uint64_t allocated_bytes(const OpenNode& file);
  /// The end of a descriptor; see LockTable::drop_database_locks.
  void close(const OpenNode& file) noexcept;

  /// The lock file's node, created where needed; nullptr: another holds it.
  NodePtr flock(const Path& path, const void* holder, io::LockMode mode);
  bool raise(const OpenNode& file, const void* holder, DatabaseLock level);
  void unlock(const void* holder) noexcept;
  void lower(const void* holder, DatabaseLock level) noexcept;
  bool is_reserved(const OpenNode& file);

 private:
  enum class Operation { create, write, truncate, punch, sync, unlink, rename, make_directory, sync_directory, read };
  enum class Verdict { proceed, halfway, shorten, drop_dirty };

  /// All below: REQUIRES the disk's mutex.
  Verdict begin(Operation operation, const Path& path);
  /// Lets another process work, without the mutex; nothing was looked up before.
  void pause();
  bool is_due() const;
  static bool applies(FaultKind kind, Operation operation);
  void check_alive() const;
  [[noreturn]] void die();
  /// Counts the operation, and applies `effect` unless the plan has it fail.
  template <class Effect>
  void perform(Operation operation, const Path& path, Effect effect);
  NodePtr directory_of(const Path& path, const char* action) const;
  NodePtr existing(const Path& path, const char* action) const;
  NodePtr create_locked(const Path& path);

  SimulatedDisk& disk_;
  FaultPlan plan_;
  bool killed_ = false;
  std::uint64_t operations_ = 0;
  std::optional<std::string> fault_met_;
};

}  // namespace lastgood::test

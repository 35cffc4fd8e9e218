// A machine's disk in memory, on which everything runs, SQLite included: deterministic, quick, and able to lose power.
//
// How a test uses it:
//   SimulatedDisk disk;                        the disk; outlives the processes on it
//   Process trainer(disk, {.fault = ...});     a io::FileSystem and a SQLite VFS over it (tests/support/process.h)
//   ... run the code under test; it may die by Killed ...
//   auto later = disk.after_power_loss(PowerLoss::lose_unsynced, seed);   the machine that comes up again
//   Process reader(*later);                    look what is left
// A kill without a power loss needs no more than another Process on the same disk: the machine's cache goes on.
//
// What is modelled
//   contents   Block by block; durable only by sync_data. Anything less may be kept or lost (PowerLoss).
//   sizes      Durable by sync_data, apart from the contents.
//   names      Creation, removal and renaming change a directory; durable only by sync_directory of that directory, for
//   a
//              new directory also of its parent. Syncing a file does not sync its name, though ext4 would. A rename
//              within one directory is atomic; across two, each half is durable with its own directory.
//   holes      Freed blocks count in allocated_bytes; a hole is durable by sync_data.
//   locks      flock and SQLite's levels, released when the process dies; closing any descriptor of a database drops
//              the process's SQLite locks on it, as POSIX has it.
//   failed sync  Dirty blocks count as clean, stay readable, are not written by any later sync, and are gone after a
//              power loss of any kind.
// What is not: permissions, links, mmap (so no write-ahead log: SQLite gets no shared memory), quotas, a fork's
// inherited descriptors, time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/file_contents.h"
#include "tests/support/lock_table.h"
#include "tests/support/power_loss.h"

namespace lastgood::test {

using NodePtr = std::shared_ptr<struct Node>;
using Entries = std::map<std::string, NodePtr>;

/// A change of names in one directory that happens wholly or not at all; nullptr removes.
using EntryChange = std::vector<std::pair<std::string, NodePtr>>;

/// A file or a directory.
struct Node {
  Node(bool directory, std::uint64_t block_bytes) : is_directory(directory), contents(block_bytes) {}

  /// Changes the volatile entries; the change is pending until the directory is synced.
  void change(EntryChange what);
  void sync_entries();

  bool is_directory;
  FileContents contents;
  Entries entries;
  Entries durable_entries;
  std::vector<EntryChange> pending;
};

struct DiskOptions {
  std::uint64_t block_bytes = 4096;  // also SQLite's sector size; 512 or 4096
  bool has_holes = true;
  bool is_local = true;
};

class SimulatedDisk {
 public:
  explicit SimulatedDisk(DiskOptions options = {});

  /// The disk after the power went now, on which everything is durable. This one is unchanged: a test can cut it in
  /// several ways. Safe while processes run.
  std::unique_ptr<SimulatedDisk> after_power_loss(PowerLoss loss, std::uint64_t seed = 0) const;

  const DiskOptions& options() const noexcept { return options_; }

  // What a test looks at and spoils, past every process, fault and count. Paths are absolute. REQUIRES: the file
  // exists.
  std::vector<std::byte> contents(const std::filesystem::path& path) const;
  /// Bytes that the disk itself changed or lost: durable at once.
  void damage(const std::filesystem::path& path, std::uint64_t offset, std::span<const std::byte> bytes);
  /// Inverts a bit of one byte, so that it differs from what was there, whatever that was.
  void flip(const std::filesystem::path& path, std::uint64_t offset);
  void truncate(const std::filesystem::path& path, std::uint64_t size);
  void remove(const std::filesystem::path& path);
  bool exists(const std::filesystem::path& path) const;

  // For SystemCalls, which holds mutex() around each use.
  std::mutex& mutex() const noexcept { return mutex_; }
  LockTable& locks() noexcept { return locks_; }
  /// nullptr and an errno (ENOENT, ENOTDIR) where there is nothing.
  NodePtr find(const std::filesystem::path& path, int& error) const;
  NodePtr make_node(bool directory) const { return std::make_shared<Node>(directory, options_.block_bytes); }

 private:
  NodePtr existing(const std::filesystem::path& path) const;

  DiskOptions options_;
  mutable std::mutex mutex_;
  NodePtr root_;
  LockTable locks_;
};

}  // namespace lastgood::test

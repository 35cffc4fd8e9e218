// One simulated process: a io::FileSystem and a SQLite VFS over a SimulatedDisk, with one planned fault.
//
// Owns nothing on the disk but its locks. Everything that it handed out (files, locks, SQLite connections) must be gone
// before it. Safe from any thread: a kill, planned or by kill(), fails whatever any thread does next, and nothing of it
// reaches the disk. A sweep runs the scenario once without fault, asks operations(), then runs it anew for each number:
//   Process process(disk, {.fault = Fault{FaultKind::kill, n}});
//   try { scenario(process); } catch (const Killed&) {} catch (const Error&) {}   // Error: where SQLite met the kill
// fault_met() names the operation that failed; nothing where the kind did not apply to operation n.
// After a kill, SQLite gets SQLITE_IOERR_... for all it does, as it cannot be unwound by an exception.
#pragma once

#include <memory>
#include <string>

#include "store/io/file_system.h"
#include "tests/support/fault_plan.h"
#include "tests/support/simulated_disk.h"
#include "tests/support/simulated_vfs.h"
#include "tests/support/system_calls.h"

namespace lastgood::test {

class Process final : public io::FileSystem {
 public:
  using Path = std::filesystem::path;

  explicit Process(SimulatedDisk& disk, FaultPlan plan = {}) : calls_(disk, plan), vfs_(calls_) {}

  /// Dies here and now.
  void kill() { calls_.kill(); }
  bool killed() const { return calls_.killed(); }
  std::uint64_t operations() const { return calls_.operations(); }
  std::optional<std::string> fault_met() const { return calls_.fault_met(); }

  std::unique_ptr<io::File> create(const Path& path) override;
  std::unique_ptr<io::File> open(const Path& path, bool writable) override;
  std::optional<io::FileInfo> info(const Path& path) override;
  bool is_link(const Path&) override { return false; }  // a simulated disk has none
  std::vector<io::DirectoryEntry> list(const Path& directory) override { return calls_.list(directory); }
  void make_directory(const Path& path) override { calls_.make_directory(path); }
  void unlink(const Path& path) override;
  void rename(const Path& from, const Path& to) override { calls_.rename(from, to); }
  void sync_directory(const Path& path) override { calls_.sync_directory(path); }
  std::unique_ptr<io::FileLock> try_lock(const Path& path, io::LockMode mode) override;
  std::string lock_note(const Path& path) override;
  std::uint64_t block_bytes(const Path&) override { return calls_.disk().options().block_bytes; }
  bool is_local(const Path&) override { return calls_.disk().options().is_local; }
  const char* sqlite_vfs() const noexcept override { return vfs_.name().c_str(); }

 private:
  SystemCalls calls_;
  SimulatedVfs vfs_;
};

}  // namespace lastgood::test

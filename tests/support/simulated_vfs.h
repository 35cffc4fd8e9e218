// SQLite's view of a simulated process: a VFS under a name of its own.
//
// Behaves as SQLite's unix VFS: short reads are filled with zeros, the locking levels exclude each other between all
// connections on one disk, the first sync of a journal opened for creation also syncs its directory (whose failure is
// ignored there, too), and a deletion syncs it on request. Not modelled: shared memory, so a write-ahead log is
// refused; any promise of the device beyond its sector size. A wait for a lock takes a millisecond at most, whatever
// SQLite asked.
#pragma once

#include <memory>
#include <string>

namespace lastgood::test {

class SystemCalls;

class SimulatedVfs {
 public:
  /// Registers it with SQLite, never as the default.
  explicit SimulatedVfs(SystemCalls& calls);
  /// REQUIRES: no connection uses it any more.
  ~SimulatedVfs();

  const std::string& name() const noexcept;

 private:
  struct Registration;
  std::unique_ptr<Registration> registration_;
};

}  // namespace lastgood::test

// The locks of a simulated machine: flocks, and SQLite's levels on database files. Guarded by the disk's mutex.
#pragma once

#include <vector>

#include "store/io/file_system.h"

namespace lastgood::test {

struct Node;
class SystemCalls;

/// SQLite's levels, in its order and with its numbers.
enum class DatabaseLock { none = 0, shared = 1, reserved = 2, pending = 3, exclusive = 4 };

class LockTable {
 public:
  /// `holder` names the open file that locks; the same process conflicts with itself through two of them, as with
  /// flock.
  bool try_flock(const Node* node, const void* holder, const SystemCalls* process, io::LockMode mode);
  void unlock(const void* holder);

  /// Raises the level by the rules of SQLite's own unix VFS. False: busy; a failed step to exclusive leaves pending.
  bool raise(const Node* node, const void* holder, const SystemCalls* process, DatabaseLock level);
  void lower(const void* holder, DatabaseLock level);
  bool is_reserved(const Node* node) const;

  /// POSIX drops all of a process's locks on a file when it closes any of its descriptors of that file.
  void drop_database_locks(const Node* node, const SystemCalls* process);
  /// Death: everything goes.
  void drop_all(const SystemCalls* process);

 private:
  struct Flock {
    const Node* node;
    const void* holder;
    const SystemCalls* process;
    io::LockMode mode;
  };
  struct Level {
    const Node* node;
    const void* holder;
    const SystemCalls* process;
    DatabaseLock level;
  };
  DatabaseLock highest_of_others(const Node* node, const void* holder) const;
  void set(const Node* node, const void* holder, const SystemCalls* process, DatabaseLock level);

  std::vector<Flock> flocks_;
  std::vector<Level> levels_;
};

}  // namespace lastgood::test

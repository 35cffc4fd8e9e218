#include "tests/support/lock_table.h"

#include <algorithm>

namespace lastgood::test {

bool LockTable::try_flock(const Node* node, const void* holder, const SystemCalls* process, io::LockMode mode) {
  for (const Flock& held : flocks_) {
    const bool compatible = held.mode == io::LockMode::shared && mode == io::LockMode::shared;
    if (held.node == node && !compatible) return false;
  }
  flocks_.push_back({node, holder, process, mode});
  return true;
}

void LockTable::unlock(const void* holder) {
  std::erase_if(flocks_, [&](const Flock& held) { return held.holder == holder; });
}

bool LockTable::raise(const Node* node, const void* holder, const SystemCalls* process, DatabaseLock level) {
  const DatabaseLock others = highest_of_others(node, holder);
  switch (level) {
    case DatabaseLock::shared:
      if (others >= DatabaseLock::pending) return false;
      break;
    case DatabaseLock::reserved:
      if (others >= DatabaseLock::reserved) return false;
      break;
    default:
      if (others >= DatabaseLock::pending) return false;
      if (others > DatabaseLock::none) {
        // Readers are still there: they may finish, and no new one comes.
        set(node, holder, process, DatabaseLock::pending);
        return false;
      }
  }
  set(node, holder, process, level);
  return true;
}

void LockTable::lower(const void* holder, DatabaseLock level) {
  for (Level& held : levels_) {
    if (held.holder == holder) held.level = std::min(held.level, level);
  }
  std::erase_if(levels_, [](const Level& held) { return held.level == DatabaseLock::none; });
}

bool LockTable::is_reserved(const Node* node) const {
  return highest_of_others(node, nullptr) >= DatabaseLock::reserved;
}

void LockTable::drop_database_locks(const Node* node, const SystemCalls* process) {
  std::erase_if(levels_, [&](const Level& held) { return held.node == node && held.process == process; });
}

void LockTable::drop_all(const SystemCalls* process) {
  std::erase_if(flocks_, [&](const Flock& held) { return held.process == process; });
  std::erase_if(levels_, [&](const Level& held) { return held.process == process; });
}

DatabaseLock LockTable::highest_of_others(const Node* node, const void* holder) const {
  DatabaseLock highest = DatabaseLock::none;
  for (const Level& held : levels_) {
    if (held.node == node && held.holder != holder) highest = std::max(highest, held.level);
  }
  return highest;
}

void LockTable::set(const Node* node, const void* holder, const SystemCalls* process, DatabaseLock level) {
  for (Level& held : levels_) {
    if (held.holder == holder) {
      held.level = std::max(held.level, level);
      return;
    }
  }
  levels_.push_back({node, holder, process, level});
}

}  // namespace lastgood::test

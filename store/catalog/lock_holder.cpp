// Best effort, for one message. Between the failure and the look the holder may have let go, and another may have come.
#include "store/catalog/lock_holder.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

namespace lastgood::catalog {
namespace {

struct FoundLock {
  long pid = 0;
  bool exclusive = false;
};

// One line of /proc/locks: "1: POSIX  ADVISORY  WRITE 4711 fd:01:131 1073741824 1073742335", with "->" before the type
// of a lock that is still waited for.
std::optional<FoundLock> parse_line(const std::string& line, const struct stat& file) {
  std::istringstream words(line);
  std::string number, type, strictness, access, place;
  FoundLock lock;
  if (!(words >> number >> type) || type == "->") return std::nullopt;
  if (!(words >> strictness >> access >> lock.pid >> place)) return std::nullopt;
  unsigned device_major = 0, device_minor = 0;
  unsigned long inode = 0;
  if (std::sscanf(place.c_str(), "%x:%x:%lu", &device_major, &device_minor, &inode) != 3) return std::nullopt;
  if (inode != file.st_ino || device_major != major(file.st_dev) || device_minor != minor(file.st_dev)) {
    return std::nullopt;
  }
  lock.exclusive = access == "WRITE";
  return lock;
}

std::optional<long> holder_pid(const std::filesystem::path& file) {
  // stat, not open: closing a descriptor of the file would drop this process's own locks on it.
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return std::nullopt;
  std::optional<long> reader;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    const std::optional<FoundLock> lock = parse_line(line, info);
    // -1 stands for a lock of an open file, which belongs to no one process.
    if (!lock || lock->pid <= 0 || lock->pid == ::getpid()) continue;
    // There is at most one writer, but any number of readers: it is named where there is one.
    if (lock->exclusive) return lock->pid;
    reader = lock->pid;
  }
  return reader;
}

}  // namespace

std::string lock_holder(const std::filesystem::path& file) {
  std::optional<long> pid = holder_pid(file);
  // In the write-ahead mode the locks lie on the shared index.
  if (!pid) pid = holder_pid(file.string() + "-shm");
  if (!pid) return "another process";
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(*pid) + "/comm"), name);
  return "process " + std::to_string(*pid) + (name.empty() ? "" : " (" + name + ")");
}

}  // namespace lastgood::catalog

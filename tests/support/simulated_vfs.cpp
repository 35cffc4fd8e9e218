#include "tests/support/simulated_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "tests/support/simulated_vfs_file.h"

namespace lastgood::test {

namespace {

constexpr int kMaxPathBytes = 512;
constexpr int kMaxWaitMicroseconds = 1000;

SystemCalls& calls_of(sqlite3_vfs* vfs) {
  return *static_cast<SystemCalls*>(vfs->pAppData);
}

/// The file's node as xOpen's flags ask; nullptr where it may not be opened.
NodePtr open_node(SystemCalls& calls, const char* name, int flags) {
  if (name == nullptr || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0) return calls.create_anonymous();
  NodePtr node = calls.find(name);
  if (node == nullptr) return (flags & SQLITE_OPEN_CREATE) != 0 ? calls.create(name) : nullptr;
  const bool must_be_new = (flags & SQLITE_OPEN_EXCLUSIVE) != 0 && (flags & SQLITE_OPEN_CREATE) != 0;
  return node->is_directory || must_be_new ? nullptr : node;
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  SystemCalls& calls = calls_of(vfs);
  constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  const bool sync_directory = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & kJournals) != 0;
  return as_sqlite_code(SQLITE_CANTOPEN, [&] {
    NodePtr node = open_node(calls, name, flags);
    if (node == nullptr) return SQLITE_CANTOPEN;
    open_vfs_file(file, calls, {std::move(node), name == nullptr ? "(temporary file)" : name}, sync_directory);
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  });
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  SystemCalls& calls = calls_of(vfs);
  const int code = as_sqlite_code(SQLITE_IOERR_DELETE, [&] {
    if (calls.find(name) == nullptr) return SQLITE_IOERR_DELETE_NOENT;
    calls.unlink(name);
    return SQLITE_OK;
  });
  if (code != SQLITE_OK || sync_directory == 0) return code;
  return as_sqlite_code(SQLITE_IOERR_DIR_FSYNC, [&] {
    calls.sync_directory(std::filesystem::path(name).parent_path());
    return SQLITE_OK;
  });
}

int access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  SystemCalls& calls = calls_of(vfs);
  return as_sqlite_code(SQLITE_IOERR_ACCESS, [&] {
    const NodePtr node = calls.find(name);
    // As the unix VFS: an empty file does not count as existing, which is how an empty journal is no hot one.
    const bool counts =
        node != nullptr && (flags != SQLITE_ACCESS_EXISTS || node->is_directory || calls.size({node, name}) > 0);
    *result = counts ? 1 : 0;
    return SQLITE_OK;
  });
}

int full_pathname(sqlite3_vfs*, const char* name, int capacity, char* out) {
  const std::string full = (std::filesystem::path("/") / name).lexically_normal().string();
  if (full.size() >= static_cast<std::size_t>(capacity)) return SQLITE_CANTOPEN;
  std::memcpy(out, full.c_str(), full.size() + 1);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int count, char* out) {
  std::memset(out, 0, static_cast<std::size_t>(count));
  return count;
}

int wait(sqlite3_vfs*, int microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(std::min(microseconds, kMaxWaitMicroseconds)));
  return microseconds;
}

int current_time(sqlite3_vfs*, double* julian_day) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  return system->xCurrentTime(system, julian_day);
}

int last_error(sqlite3_vfs*, int, char*) {
  return 0;
}

}  // namespace

struct SimulatedVfs::Registration {
  std::string name;
  sqlite3_vfs vfs{};
};

SimulatedVfs::SimulatedVfs(SystemCalls& calls) : registration_(std::make_unique<Registration>()) {
  static std::atomic<int> next = 0;
  registration_->name = "lastgood-simulated-" + std::to_string(++next);
  sqlite3_vfs& vfs = registration_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = kVfsFileBytes;
  vfs.mxPathname = kMaxPathBytes;
  vfs.zName = registration_->name.c_str();
  vfs.pAppData = &calls;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_pathname;
  vfs.xRandomness = randomness;
  vfs.xSleep = wait;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) throw std::runtime_error("SQLite refused the simulated VFS");
}

SimulatedVfs::~SimulatedVfs() {
  sqlite3_vfs_unregister(&registration_->vfs);
}

const std::string& SimulatedVfs::name() const noexcept {
  return registration_->name;
}

}  // namespace lastgood::test

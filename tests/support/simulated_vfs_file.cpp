#include "tests/support/simulated_vfs_file.h"

#include <algorithm>
#include <memory>

namespace lastgood::test {

namespace {

struct State {
  SystemCalls& calls;
  OpenNode file;
  bool sync_directory_once;
};

struct VfsFile {
  sqlite3_file base;  // first: SQLite sees only this
  State* state;
};

State& state_of(sqlite3_file* file) {
  return *reinterpret_cast<VfsFile*>(file)->state;
}

int close(sqlite3_file* file) {
  const std::unique_ptr<State> state(&state_of(file));
  state->calls.lower(state.get(), DatabaseLock::none);
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* buffer, int amount, sqlite3_int64 offset) {
  State& state = state_of(file);
  const std::span out(static_cast<std::byte*>(buffer), static_cast<std::size_t>(amount));
  return as_sqlite_code(SQLITE_IOERR_READ, [&] {
    const std::size_t got = state.calls.read(state.file, static_cast<std::uint64_t>(offset), out);
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(got), out.end(), std::byte{0});
    return got == out.size() ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  });
}

int write(sqlite3_file* file, const void* buffer, int amount, sqlite3_int64 offset) {
  State& state = state_of(file);
  const std::span data(static_cast<const std::byte*>(buffer), static_cast<std::size_t>(amount));
  return as_sqlite_code(SQLITE_IOERR_WRITE, [&] {
    state.calls.write(state.file, static_cast<std::uint64_t>(offset), data, false);
    return SQLITE_OK;
  });
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  State& state = state_of(file);
  return as_sqlite_code(SQLITE_IOERR_TRUNCATE, [&] {
    state.calls.truncate(state.file, static_cast<std::uint64_t>(size));
    return SQLITE_OK;
  });
}

int sync(sqlite3_file* file, int) {
  State& state = state_of(file);
  return as_sqlite_code(SQLITE_IOERR_FSYNC, [&] {
    state.calls.sync(state.file);
    if (!std::exchange(state.sync_directory_once, false)) return SQLITE_OK;
    try {
      state.calls.sync_directory(state.file.path.parent_path());
    } catch (const Error&) {
      // The unix VFS does not look at the outcome either.
    }
    return SQLITE_OK;
  });
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  State& state = state_of(file);
  return as_sqlite_code(SQLITE_IOERR_FSTAT, [&] {
    *size = static_cast<sqlite3_int64>(state.calls.size(state.file));
    return SQLITE_OK;
  });
}

int lock(sqlite3_file* file, int level) {
  State& state = state_of(file);
  return as_sqlite_code(SQLITE_IOERR_LOCK, [&] {
    return state.calls.raise(state.file, &state, static_cast<DatabaseLock>(level)) ? SQLITE_OK : SQLITE_BUSY;
  });
}

int unlock(sqlite3_file* file, int level) {
  State& state = state_of(file);
  state.calls.lower(&state, static_cast<DatabaseLock>(level));
  return SQLITE_OK;
}

int check_reserved_lock(sqlite3_file* file, int* result) {
  State& state = state_of(file);
  return as_sqlite_code(SQLITE_IOERR_CHECKRESERVEDLOCK, [&] {
    *result = state.calls.is_reserved(state.file) ? 1 : 0;
    return SQLITE_OK;
  });
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  State& state = state_of(file);
  if (operation != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
  return as_sqlite_code(SQLITE_IOERR_FSTAT, [&] {
    *static_cast<int*>(argument) = state.calls.find(state.file.path) == state.file.node ? 0 : 1;
    return SQLITE_OK;
  });
}

int sector_size(sqlite3_file* file) {
  return static_cast<int>(state_of(file).calls.disk().options().block_bytes);
}

int device_characteristics(sqlite3_file*) {
  return 0;
}

const sqlite3_io_methods& methods() {
  static const sqlite3_io_methods kMethods = [] {
    sqlite3_io_methods table{};
    table.iVersion = 1;
    table.xClose = close;
    table.xRead = read;
    table.xWrite = write;
    table.xTruncate = truncate;
    table.xSync = sync;
    table.xFileSize = file_size;
    table.xLock = lock;
    table.xUnlock = unlock;
    table.xCheckReservedLock = check_reserved_lock;
    table.xFileControl = file_control;
    table.xSectorSize = sector_size;
    table.xDeviceCharacteristics = device_characteristics;
    return table;
  }();
  return kMethods;
}

}  // namespace

const int kVfsFileBytes = sizeof(VfsFile);

void open_vfs_file(sqlite3_file* target, SystemCalls& calls, OpenNode file, bool sync_directory_once) {
  auto* opened = reinterpret_cast<VfsFile*>(target);
  opened->state = new State{calls, std::move(file), sync_directory_once};
  opened->base.pMethods = &methods();
}

}  // namespace lastgood::test

// An open file of the simulated VFS: what SQLite's xOpen fills in.
#pragma once

#include <sqlite3.h>

#include <exception>
#include <utility>

#include <lastgood/error.h>

#include "tests/support/system_calls.h"

namespace lastgood::test {

/// Runs `body`, which returns a SQLite code; a planned fault becomes `failure`, or SQLITE_FULL where space ran out.
template <class Body>
int as_sqlite_code(int failure, Body body) noexcept {
  try {
    return body();
  } catch (const Killed&) {
    return failure;
  } catch (const Error& error) {
    return error.code() == ErrorCode::no_space ? SQLITE_FULL : failure;
  }
}

/// Fills in `target`, which SQLite allocated with kVfsFileBytes and hands to the other functions until its xClose.
void open_vfs_file(sqlite3_file* target, SystemCalls& calls, OpenNode file, bool sync_directory_once);

/// What SQLite must allocate for a file.
extern const int kVfsFileBytes;

}  // namespace lastgood::test

// By SQLite's primary code, and where that only says that the system failed, by errno:
//
// - full: no_space. Read-only: permission, but io where the file was exchanged under an open handle.
// - cannot open, I/O error: what errno says (no_space, permission, not_found, unsupported_version), else io.
// - an error in SQL, corrupt, not a database, a CHECK that fails: corruption.
// - busy, locked, and the protocol of the log's locks: BusyError, which is tried again.
// - too big: invalid_argument. Anything else: internal.
#include <lastgood/command_line.h>

#include "store/catalog/sqlite_error.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

#include "store/catalog/connection.h"

namespace lastgood::catalog {
namespace {

struct Meaning {
  ErrorCode code;
  const char* advice;
};

constexpr Meaning kFull = {ErrorCode::no_space, "the disk is full or the quota used up; free some space and try again"};
constexpr Meaning kDenied = {ErrorCode::permission,
                             "check the permissions of the store's directory and of the files in it"};
constexpr Meaning kDamaged = {ErrorCode::corruption, "it is damaged or no catalog"};

// What the operating system said, where SQLite only says that something failed.
Meaning by_errno(int error, const Meaning& otherwise) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return kFull;
    case EACCES:
    case EPERM:
    case EROFS: return kDenied;
    case ENOENT: return {ErrorCode::not_found, "the file or its directory is gone"};
    case ENOLCK:
    case EOPNOTSUPP:
      return {ErrorCode::unsupported_version, "this file system has no working locks; put the store on another one"};
    default: return otherwise;
  }
}

Meaning read_only(int code) {
  switch (code) {
    case SQLITE_READONLY_ROLLBACK:
    case SQLITE_READONLY_RECOVERY:
    case SQLITE_READONLY_CANTINIT:
    case SQLITE_READONLY_CANTLOCK:
      return {ErrorCode::permission,
              "a write was interrupted and must be undone first; open the store once with permission to write"};
    case SQLITE_READONLY_DBMOVED:
      return {ErrorCode::io, "the file was moved or exchanged, by a rebuild perhaps; open the store again"};
    default: return kDenied;
  }
}

Meaning meaning(const SqliteFailure& failure) {
  constexpr Meaning kBroken = {ErrorCode::io, "check the disk; the outcome of the last change is unknown"};
  switch (failure.code & 0xff) {
    case SQLITE_FULL: return kFull;
    case SQLITE_READONLY: return read_only(failure.code);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return by_errno(failure.system_error, kBroken);
    case SQLITE_ERROR:  // all SQL is tested: what does not compile or overflows meets another schema, or odd values
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return kDamaged;
    case SQLITE_CONSTRAINT:
      // The schema's CHECKs hold for every value that this library computes from sound rows.
      if (failure.code == SQLITE_CONSTRAINT_CHECK) return kDamaged;
      break;
    case SQLITE_TOOBIG: return {ErrorCode::invalid_argument, "the value is too large"};
    default: break;
  }
  return {ErrorCode::internal, "this is a bug in Lastgood; please report it"};
}

bool is_busy(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_PROTOCOL;
}

}  // namespace

void throw_sqlite_error(const SqliteFailure& failure) {
  const std::string file = failure.file.string();
  if (is_busy(failure.code)) {
    throw BusyError(ErrorCode::busy, file, "catalog '" + file + "' is in use by another process", failure.code);
  }
  const Meaning found = meaning(failure);
  std::string message = "catalog '" + file + "': " + failure.message;
  if (failure.system_error != 0 && found.code != ErrorCode::corruption) {
    message += std::string(" (") + std::strerror(failure.system_error) + ")";
  }
  if (found.code == ErrorCode::internal) message += " in " + std::string(failure.doing);
  message += std::string("; ") + found.advice;
  if (found.code == ErrorCode::corruption) {
    const std::string rebuild = command_line(failure.file.parent_path(), "rebuild");
    message += "; make it anew from the packs with `" + rebuild + "`";
  }
  throw Error(found.code, file, message, failure.system_error != 0 ? failure.system_error : failure.code);
}

}  // namespace lastgood::catalog

// A prepared statement is in use by one Statement at most. Idle ones are found by their text, which is a literal in
// this folder's sources, or one of few that are put together: so there are no more than the library has questions.
#include <lastgood/command_line.h>

#include "store/catalog/connection.h"

#include <sqlite3.h>

#include <cerrno>

#include "store/catalog/sqlite_error.h"

namespace lastgood::catalog {
namespace {

int open_flags(Connection::Mode mode) {
  // No mutex: the Catalog serialises. The extended codes tell a full disk from a broken one.
  const int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (mode) {
    case Connection::Mode::create: return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Connection::Mode::read_write: return common | SQLITE_OPEN_READWRITE;
    case Connection::Mode::read_only: break;
  }
  return common | SQLITE_OPEN_READONLY;
}

}  // namespace

Connection::Connection(const std::filesystem::path& file, Mode mode, const char* vfs) : file_(file) {
  const int code = sqlite3_open_v2(file.c_str(), &handle_, open_flags(mode), vfs);
  try {
    if (code != SQLITE_OK) fail(code, "open");
    // SQLite opens for reading what it may not write, and says nothing.
    if (mode != Mode::read_only && sqlite3_db_readonly(handle_, "main") == 1) {
      throw Error(
          ErrorCode::permission, file.string(),
          "catalog '" + file.string() + "' must not be written; change its permissions or open it for reading only",
          EACCES);
    }
    harden();
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

// After a fork, in the child, this would drop the parent's locks: the Store sees to it that it is not run there.
Connection::~Connection() {
  // Before the close, which a statement that is left would put off for good.
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

void Connection::harden() {
  // A catalog may come from a stranger: its schema must not run functions, triggers or writes to itself.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  execute("PRAGMA cell_size_check = ON");
}

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(handle_) == 0;
}

std::uint64_t Connection::changes() const noexcept {
  return static_cast<std::uint64_t>(sqlite3_changes64(handle_));
}

std::int64_t Connection::last_insert_id() const noexcept {
  return sqlite3_last_insert_rowid(handle_);
}

void Connection::fail(int code, std::string_view doing) const {
  // SQLite notes errno for these two only; for others it would be that of an older failure.
  const int primary = code & 0xff;
  const bool has_errno = handle_ != nullptr && (primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR);
  throw_sqlite_error(SqliteFailure{file_, code, has_errno ? sqlite3_system_errno(handle_) : 0,
                                   handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code), doing});
}

void Connection::corrupt(std::string_view what) const {
  throw Error(ErrorCode::corruption, file_.string(),
              "catalog '" + file_.string() + "' is damaged: " + std::string(what) +
                  "; make it anew from the packs with `" + command_line(file_.parent_path(), "rebuild") + "`");
}

sqlite3_stmt* Connection::take(std::string_view sql) {
  // Taken out while it is used, so that a statement inside the loop over another of the same text gets its own.
  if (auto found = idle_.find(std::string(sql)); found != idle_.end()) {
    sqlite3_stmt* statement = found->second;
    idle_.erase(found);
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  // PERSISTENT: it is kept, so it is not to live in the memory for short-lived ones.
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
  return statement;
}

void Connection::give_back(sqlite3_stmt* statement) noexcept {
  sqlite3_reset(statement);  // repeats the error of the last step, which was thrown then
  sqlite3_clear_bindings(statement);
  try {
    if (idle_.emplace(sqlite3_sql(statement), statement).second) return;
  } catch (const std::bad_alloc&) {
    // Not kept, then.
  }
  sqlite3_finalize(statement);
}

}  // namespace lastgood::catalog

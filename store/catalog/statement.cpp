// Types are checked on the way out as well as by STRICT on the way in: a catalog may have been made by anybody.
#include <sqlite3.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "store/catalog/connection.h"

namespace lastgood::catalog {

Statement::Statement(Connection& db, std::string_view sql) : db_(db), handle_(db.take(sql)) {}

Statement::~Statement() {
  db_.give_back(handle_);
}

void Statement::check_bind(int code) const {
  if (code != SQLITE_OK) db_.fail(code, sqlite3_sql(handle_));
}

void Statement::bind(int index, std::int64_t value) {
  check_bind(sqlite3_bind_int64(handle_, index, value));
}

void Statement::bind(int index, std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error(ErrorCode::invalid_argument, std::to_string(value), "number too large for the catalog");
  }
  bind(index, static_cast<std::int64_t>(value));
}

void Statement::bind(int index, double value) {
  // SQLite has no NaN and turns it into NULL; real() turns it back.
  check_bind(sqlite3_bind_double(handle_, index, value));
}

void Statement::bind(int index, std::string_view text) {
  // TRANSIENT: copied, as the caller's text may be gone before the step. A null pointer would bind NULL instead of an
  // empty text.
  check_bind(sqlite3_bind_text64(handle_, index, text.data() != nullptr ? text.data() : "", text.size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind(int index, const std::array<std::uint8_t, 16>& bytes) {
  check_bind(sqlite3_bind_blob64(handle_, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT));
}

void Statement::bind(int index, std::nullopt_t) {
  check_bind(sqlite3_bind_null(handle_, index));
}

/// A failure is thrown as what it means; the statement is reset when it is given back.
bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code, sqlite3_sql(handle_));
  return false;
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(handle_);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

void Statement::require_type(int column, int type) const {
  if (sqlite3_column_type(handle_, column) != type) {
    db_.corrupt(std::string("a value of the wrong type in column ") + sqlite3_column_name(handle_, column));
  }
}

std::int64_t Statement::integer(int column) const {
  require_type(column, SQLITE_INTEGER);
  return sqlite3_column_int64(handle_, column);
}

std::uint64_t Statement::count(int column) const {
  return static_cast<std::uint64_t>(in_range(column, 0, std::numeric_limits<std::int64_t>::max()));
}

std::uint64_t Statement::count_up_to(int column, std::uint64_t last) const {
  return static_cast<std::uint64_t>(in_range(column, 0, static_cast<std::int64_t>(last)));
}

bool Statement::boolean(int column) const {
  return in_range(column, 0, 1) != 0;
}

std::int64_t Statement::in_range(int column, std::int64_t first, std::int64_t last) const {
  const std::int64_t value = integer(column);
  if (value < first || value > last) {
    db_.corrupt("the value " + std::to_string(value) + " in column " + sqlite3_column_name(handle_, column));
  }
  return value;
}

double Statement::real(int column) const {
  if (is_null(column)) return std::nan("");
  require_type(column, SQLITE_FLOAT);
  return sqlite3_column_double(handle_, column);
}

std::string_view Statement::text(int column) const {
  require_type(column, SQLITE_TEXT);
  const unsigned char* text = sqlite3_column_text(handle_, column);
  // It is a text, so only want of memory is left.
  if (text == nullptr) db_.fail(SQLITE_NOMEM, sqlite3_sql(handle_));
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

/// Copied: SQLite's memory is good until the next step only.
std::array<std::uint8_t, 16> Statement::bytes16(int column) const {
  require_type(column, SQLITE_BLOB);
  std::array<std::uint8_t, 16> bytes{};
  if (static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)) != bytes.size()) {
    db_.corrupt(std::string("bytes of the wrong length in column ") + sqlite3_column_name(handle_, column));
  }
  std::memcpy(bytes.data(), sqlite3_column_blob(handle_, column), bytes.size());
  return bytes;
}

}  // namespace lastgood::catalog

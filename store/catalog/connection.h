// SQLite behind two RAII classes. SQLite's types stay in the .cpp files.
//
// Neither class is safe from several threads at once: the Catalog serialises. Every failure is thrown as the Error that
// sqlite_error.h makes of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <lastgood/error.h>
#include <lastgood/ids.h>

#include "store/format/uuid.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lastgood::catalog {

/// Another process is in the way now: the whole transaction may be tried again.
class BusyError final : public Error {
 public:
  using Error::Error;
};

/// Statements are prepared once by their text and kept. A database that is busy is reported at once; the Catalog waits.
class Connection {
 public:
  enum class Mode { create, read_write, read_only };

  /// Opens the file and hardens the connection against what a hostile schema could do. Waits for nobody.
  Connection(const std::filesystem::path& file, Mode mode, const char* vfs);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs statements that take no parameters; rows are dropped. For pragmas, DDL and the ends of transactions. Text of
  /// our own alone: nothing of a user's ever becomes SQL.
  void execute(const char* sql);
  /// True between BEGIN and its end.
  bool in_transaction() const noexcept;
  /// Rows that the latest INSERT, UPDATE or DELETE changed.
  std::uint64_t changes() const noexcept;
  std::int64_t last_insert_id() const noexcept;
  const std::filesystem::path& file() const noexcept { return file_; }

  /// Throws what SQLite's latest failure on this connection means.
  [[noreturn]] void fail(int code, std::string_view doing) const;
  /// Throws Error(corruption): the catalog holds a value that Lastgood never writes.
  [[noreturn]] void corrupt(std::string_view what) const;

 private:
  friend class Statement;
  void harden();
  sqlite3_stmt* take(std::string_view sql);
  void give_back(sqlite3_stmt* statement) noexcept;

  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> idle_;  // prepared statements that nobody uses now, by their text
};

/// One use of a prepared statement: bind, step, read columns. Columns are checked, since a catalog may be damaged or
/// hostile: a value of the wrong type or range throws Error(corruption). Must not outlive its Connection. Bound texts
/// and bytes are copied; what text() returns is SQLite's. Its text is prepared once; using one inside the loop over
/// another of the same text is allowed.
class Statement {
 public:
  Statement(Connection& db, std::string_view sql);
  /// Binds the values to ?1, ?2 and so on.
  template <class... Values>
  Statement(Connection& db, std::string_view sql, const Values&... values) : Statement(db, sql) {
    bind_all(values...);
  }
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Values>
  void bind_all(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
  }
  void bind(int index, std::int64_t value);
  void bind(int index, std::uint64_t value);
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, bool value) { bind(index, std::int64_t{value}); }
  void bind(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char* text) = delete;  // would otherwise become a bool
  void bind(int index, const std::array<std::uint8_t, 16>& bytes);
  void bind(int index, const format::Uuid& uuid) { bind(index, uuid.bytes); }
  void bind(int index, const BlobHash& hash) { bind(index, hash.bytes); }
  void bind(int index, std::nullopt_t);
  template <class Tag>
  void bind(int index, Id<Tag> id) {
    bind(index, id.value);
  }
  template <class Value>
  void bind(int index, const std::optional<Value>& value) {
    value ? bind(index, *value) : bind(index, std::nullopt);
  }

  /// True: a row is there to be read. False: done.
  bool step();
  /// Steps to the end and makes the statement ready for the next values.
  void run();
  /// run() with these values.
  template <class... Values>
  void run_with(const Values&... values) {
    bind_all(values...);
    run();
  }

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  /// An integer that is not negative.
  std::uint64_t count(int column) const;
  /// The same, as far as `last`.
  std::uint64_t count_up_to(int column, std::uint64_t last) const;
  bool boolean(int column) const;
  double real(int column) const;
  /// Valid until the next step().
  std::string_view text(int column) const;
  std::array<std::uint8_t, 16> bytes16(int column) const;
  format::Uuid uuid(int column) const { return {bytes16(column)}; }
  BlobHash hash(int column) const { return {bytes16(column)}; }
  template <class SomeId>
  SomeId id(int column) const {
    return SomeId{integer(column)};
  }
  template <class SomeId>
  std::optional<SomeId> optional_id(int column) const {
    if (is_null(column)) return std::nullopt;
    return id<SomeId>(column);
  }
  /// An enumerator from `first` to `last`.
  template <class Enum>
  Enum enumerator(int column, Enum first, Enum last) const {
    return static_cast<Enum>(in_range(column, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last)));
  }

 private:
  std::int64_t in_range(int column, std::int64_t first, std::int64_t last) const;
  void require_type(int column, int type) const;
  void check_bind(int code) const;

  Connection& db_;
  sqlite3_stmt* handle_;
};

}  // namespace lastgood::catalog

// The catalog: one SQLite database, opened by one connection per Catalog. All SQL of the project is in this folder.
//
// Every access is one call of read() or write(): a whole transaction, retried as a whole while another process is in
// the way. Calls from several threads take turns. SQLite's types stay inside this folder's .cpp files. Not to be used
// in a child after fork: the locks are the parent's.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/format/uuid.h"

namespace lastgood::catalog {

class Connection;

/// What a commit survives. Where SQLite cannot commit cheaply without risk to the database (a rollback journal),
/// relaxed commits are durable too.
enum class Durability { relaxed, durable };

enum class Access { read_only, read_write };

struct Options {
  std::chrono::milliseconds busy_timeout{60'000};
  const char* vfs = nullptr;  // nullptr: SQLite's default
  bool local = true;          // false: never use the write-ahead log
};

/// Safe from any thread. REQUIRES: a body does not call the same Catalog again, for whose turn it would wait for ever.
class Catalog {
 public:
  /// Makes the database with the current schema, for a store of this identity. The file must not exist, or be
  /// empty (a creation that was cut off leaves it so). Durable. Errors: already_exists.
  static Catalog create(const std::filesystem::path& file, const format::Uuid& store, const Options& options);

  /// Opens an existing one; for writing, brings one of an older version up to date. Errors: corruption (not a database,
  /// damaged, not ours), unsupported_version, permission, busy, not_found.
  static Catalog open(const std::filesystem::path& file, Access access, const Options& options);

  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;
  ~Catalog();

  /// Runs `body` in a fresh read transaction: everything it asks comes from one snapshot. `body` may run again.
  void read(const std::function<void(Connection&)>& body) const;

  /// Runs `body` in BEGIN IMMEDIATE and commits. An exception from `body` rolls back and passes on. `body` may run
  /// again after a busy database, so it must assign, not add up. Errors: busy (with the holder's pid where it can be
  /// told), no_space, io, permission, corruption; after io or no_space the outcome of the commit is unknown.
  void write(Durability durability, const std::function<void(Connection&)>& body) const;

  const format::Uuid& store_uuid() const noexcept;

  /// Runs SQLite's own integrity and foreign key checks; the messages, empty when all is well.
  std::vector<std::string> integrity_problems() const;

 private:
  struct State;
  static void bring_up_to_date(State& state);
  explicit Catalog(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// True where this version of SQLite can share a write-ahead log between processes without the WAL-reset race:
/// 3.51.3 and newer, 3.50.7, 3.44.6. `version` as sqlite3_libversion_number().
bool wal_is_safe(int version) noexcept;

}  // namespace lastgood::catalog

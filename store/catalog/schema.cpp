#include <lastgood/command_line.h>

#include "store/catalog/schema.h"

#include <string>

#include "store/catalog/connection.h"
#include "store/catalog/schema_ddl.h"
#include "store/catalog/telemetry_ddl.h"

namespace lastgood::catalog {
namespace {

std::int64_t single_integer(Connection& db, std::string_view sql) {
  Statement query(db, sql);
  if (!query.step()) db.corrupt("no answer to " + std::string(sql));
  return query.integer(0);
}

std::int64_t version_of(Connection& db) {
  return single_integer(db, "PRAGMA user_version");
}

void set_version(Connection& db, std::int64_t version) {
  db.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

void add_telemetry(Connection& db) {
  db.execute(kTelemetryTables);
  db.execute(kTelemetryViews);
}

/// The application first: of somebody else's database, the version says nothing. Both are in the header of the file:
/// they are read before any table is believed.
void check_marks(Connection& db) {
  if (single_integer(db, "PRAGMA application_id") != kApplicationId) {
    throw Error(ErrorCode::corruption, db.file().string(),
                "'" + db.file().string() +
                    "' is not a Lastgood catalog (another application's database, or an empty file); "
                    "if it should be one, make it anew from the packs with `" +
                    command_line(db.file().parent_path(), "rebuild") + "`");
  }
  const std::int64_t version = version_of(db);
  if (version > kSchemaVersion) {
    throw Error(ErrorCode::unsupported_version, db.file().string(),
                "catalog '" + db.file().string() + "' has version " + std::to_string(version) +
                    ", this Lastgood reads " + std::to_string(kSchemaVersion) + "; use a newer Lastgood");
  }
  if (version < 1) db.corrupt("its version is " + std::to_string(version));
}

void require_tables(Connection& db, std::int64_t count, const std::string& names) {
  const auto found =
      single_integer(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN (" + names + ")");
  if (found != count) db.corrupt("a table is missing");
}

}  // namespace

/// All in the caller's one transaction: other processes see no tables, or all of them with a store's name.
void create_schema(Connection& db, const format::Uuid& store) {
  if (single_integer(db, "SELECT count(*) FROM sqlite_schema") != 0) {
    throw Error(ErrorCode::already_exists, db.file().string(),
                "catalog '" + db.file().string() + "' is already there; another process made it just now");
  }
  db.execute(kSchemaTables);
  db.execute(kSchemaViews);
  add_telemetry(db);
  // Both marks are part of the transaction: a creation that was cut off leaves an empty database, not a nameless one.
  db.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
  set_version(db, kSchemaVersion);
  Statement(db, "INSERT INTO meta(key, value) VALUES ('store_uuid', ?1), ('gc_counter', 0), ('sequence', 0)", store)
      .run();
}

void migrate_schema(Connection& db) {
  if (has_telemetry(db)) return;
  add_telemetry(db);
  set_version(db, kSchemaVersion);
}

bool has_telemetry(Connection& db) {
  return version_of(db) >= 2;
}

format::Uuid check_schema(Connection& db) {
  check_marks(db);
  // A missing table would otherwise show as a failure of some statement, at some time.
  require_tables(db, 13,
                 "'meta', 'run', 'session', 'layout', 'layout_entry', 'checkpoint', 'metric', 'tag', "
                 "'checkpoint_blob', 'save', 'save_pin', 'pack', 'blob'");
  if (has_telemetry(db)) require_tables(db, 5, "'branch', 'observation', 'event', 'recovery', 'save_cost'");
  Statement query(db, "SELECT value FROM meta WHERE key = 'store_uuid'");
  if (!query.step()) db.corrupt("the store's uuid is missing");
  return query.uuid(0);
}

}  // namespace lastgood::catalog

#include "store/catalog/schema.h"

#include <string>

#include "store/catalog/connection.h"
#include "store/catalog/schema_ddl.h"

namespace lastgood::catalog {
namespace {

std::int64_t single_integer(Connection& db, std::string_view sql) {
  Statement query(db, sql);
  if (!query.step()) db.corrupt("no answer to " + std::string(sql));
  return query.integer(0);
}

void check_marks(Connection& db) {
  if (single_integer(db, "PRAGMA application_id") != kApplicationId) {
    throw Error(ErrorCode::corruption, db.file().string(),
                "'" + db.file().string() +
                    "' is not a Lastgood catalog (another application's database, or an empty file); "
                    "if it should be one, make it anew from the packs with `lastgood rebuild`");
  }
  const std::int64_t version = single_integer(db, "PRAGMA user_version");
  if (version > kSchemaVersion) {
    throw Error(ErrorCode::unsupported_version, db.file().string(),
                "catalog '" + db.file().string() + "' has version " + std::to_string(version) +
                    ", this Lastgood reads " + std::to_string(kSchemaVersion) + "; use a newer Lastgood");
  }
  if (version < 1) db.corrupt("its version is " + std::to_string(version));
}

}  // namespace

void create_schema(Connection& db, const format::Uuid& store) {
  if (single_integer(db, "SELECT count(*) FROM sqlite_schema") != 0) {
    throw Error(ErrorCode::already_exists, db.file().string(),
                "catalog '" + db.file().string() + "' is already there; another process made it just now");
  }
  db.execute(kSchemaTables);
  db.execute(kSchemaViews);
  db.execute(("PRAGMA application_id = " + std::to_string(kApplicationId) +
              "; PRAGMA user_version = " + std::to_string(kSchemaVersion))
                 .c_str());
  Statement(db, "INSERT INTO meta(key, value) VALUES ('store_uuid', ?1), ('gc_counter', 0), ('sequence', 0)", store)
      .run();
}

format::Uuid check_schema(Connection& db) {
  check_marks(db);
  const std::int64_t tables =
      single_integer(db,
                     "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
                     "('meta', 'run', 'session', 'layout', 'layout_entry', 'checkpoint', 'metric', 'tag', "
                     "'checkpoint_blob', 'save', 'save_pin', 'pack', 'blob')");
  if (tables != 13) db.corrupt("a table is missing");
  Statement query(db, "SELECT value FROM meta WHERE key = 'store_uuid'");
  if (!query.step()) db.corrupt("the store's uuid is missing");
  return query.uuid(0);
}

}  // namespace lastgood::catalog

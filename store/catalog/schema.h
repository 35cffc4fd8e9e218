// The schema of the catalog: its DDL, its marks in the file's header, and the check of both. Documented in FORMAT.md.
//
// A table, a column or an index that is added is a new version: the number here, a step in migrate_schema(), and the
// tables in FORMAT.md. Views may get columns at any time, and lose none.
#pragma once

#include <cstdint>

#include "store/format/uuid.h"

namespace lastgood::catalog {

class Connection;

/// "LGcp", in the header of the database file.
inline constexpr std::int64_t kApplicationId = 0x4c476370;
inline constexpr std::int64_t kSchemaVersion = 2;

/// Makes the tables in an empty database and names the store. Inside a transaction of the caller's.
/// Throws Error(already_exists) where the database is not empty.
void create_schema(Connection& db, const format::Uuid& store);

/// Brings a checked catalog of an older version up to this one, inside a write transaction of the caller's. Does
/// nothing where another process was faster.
void migrate_schema(Connection& db);

/// False for a catalog of version 1, which only a read-only handle still sees: it has no telemetry.
bool has_telemetry(Connection& db);

/// Returns the store's uuid. Throws Error(corruption) for a database of something else or with a table missing,
/// Error(unsupported_version) for a newer version.
format::Uuid check_schema(Connection& db);

}  // namespace lastgood::catalog

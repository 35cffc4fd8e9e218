// The choice is made at each opening, by the SQLite and the file system of then: a store that moves to a network share,
// or meets an older library, changes its journal with the next writer.
#include "store/catalog/journal.h"

#include <string>

#include "store/catalog/connection.h"
#include "store/rules.h"

namespace lastgood::catalog {

Journal choose_journal(int sqlite_version, bool local) noexcept {
  return local && wal_is_safe(sqlite_version) ? Journal::write_ahead : Journal::persistent;
}

void set_journal(Connection& db, Journal journal) {
  const std::string wanted = journal == Journal::write_ahead ? "wal" : "persist";
  std::string got;
  {
    Statement change(db, "PRAGMA main.journal_mode = " + wanted);
    if (change.step()) got = change.text(0);
  }
  if (got != wanted) {
    throw Error(ErrorCode::unsupported_version, db.file().string(),
                "catalog '" + db.file().string() + "' keeps the journal mode '" + got + "' where '" + wanted +
                    "' was asked for; put the store on a local file system");
  }
  // A persistent journal would otherwise stay as large as the largest transaction was.
  db.execute("PRAGMA journal_size_limit = 4194304");
}

void set_synchronous(Connection& db, Journal journal, Durability durability) {
  // A persistent journal commits by zeroing its header, which SQLite syncs from NORMAL upwards; FULL also syncs the
  // journal's length before its header, and EXTRA, its directory, should SQLite ever have to delete it. There is no
  // cheaper commit that a power loss could not turn into a damaged database, so relaxed is the same.
  if (journal == Journal::persistent) {
    const bool survives = rules::relaxed_survives || durability == Durability::durable;
    return db.execute(survives ? "PRAGMA synchronous = EXTRA" : "PRAGMA synchronous = OFF");
  }
  db.execute(durability == Durability::durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

}  // namespace lastgood::catalog

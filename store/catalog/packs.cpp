// A pack's row is older than its file and outlives it, so that whatever is in blobs/ and has no row is nobody's.
#include "store/catalog/packs.h"

#include "store/catalog/connection.h"

namespace lastgood::catalog {

std::vector<PackRow> list_packs(Connection& db) {
  Statement query(db,
                  "SELECT p.id, p.uuid, EXISTS (SELECT 1 FROM save AS s WHERE s.id = p.save_id), "
                  "count(*) FILTER (WHERE b.state = 0), count(*) FILTER (WHERE b.state = 1), "
                  "coalesce(sum(b.stored_bytes + ?1) FILTER (WHERE b.state = 0), 0) "
                  "FROM pack AS p LEFT JOIN blob AS b ON b.pack_id = p.id GROUP BY p.id ORDER BY p.id",
                  std::uint64_t{format::kHeaderBytes});
  std::vector<PackRow> packs;
  while (query.step()) {
    packs.push_back(
        {query.id<PackId>(0), query.uuid(1), query.boolean(2), query.count(3), query.count(4), query.count(5)});
  }
  return packs;
}

PackId add_compacted_pack(Connection& db, const format::Uuid& pack) {
  Statement(db, "INSERT INTO pack(uuid) VALUES (?1)", pack).run();
  return PackId{db.last_insert_id()};
}

void drop_pack(Connection& db, PackId pack) {
  // It was unlinked already, so this would be a loss. It must be told, not hidden by a row that goes.
  if (Statement(db, "SELECT 1 FROM blob WHERE pack_id = ?1 AND state = 0", pack).step()) {
    throw Error(ErrorCode::internal, std::to_string(pack.value),
                "pack " + std::to_string(pack.value) + " holds live blobs and must stay");
  }
  Statement(db, "DELETE FROM blob WHERE pack_id = ?1", pack).run();
  Statement(db, "DELETE FROM pack WHERE id = ?1", pack).run();
}

std::vector<format::Uuid> pack_uuids(Connection& db) {
  Statement query(db, "SELECT uuid FROM pack ORDER BY id");
  std::vector<format::Uuid> uuids;
  while (query.step()) uuids.push_back(query.uuid(0));
  return uuids;
}

// Its value means nothing; that it changes, does.
void raise_gc_counter(Connection& db) {
  Statement(db, "UPDATE meta SET value = value + 1 WHERE key = 'gc_counter'").run();
  if (db.changes() != 1) db.corrupt("the collector's counter is missing");
}

}  // namespace lastgood::catalog

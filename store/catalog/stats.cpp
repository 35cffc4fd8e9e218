// Walks all checkpoints and all blobs once each; for `lastgood stats`, not for a loop. "Dead" includes what a
// collection would find dead now.
#include "store/catalog/connection.h"
#include "store/catalog/runs.h"

namespace lastgood::catalog {

StoreStats stats(Connection& db) {
  StoreStats stats;
  Statement rows(db,
                 "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM session), (SELECT count(*) FROM pack), "
                 "(SELECT count(*) FROM save), count(*), coalesce(sum(entries), 0), coalesce(sum(bytes_logical), 0) "
                 "FROM checkpoint");
  // An aggregate without GROUP BY always has a row.
  rows.step();
  stats.runs = rows.count(0);
  stats.sessions = rows.count(1);
  stats.packs = rows.count(2);
  stats.saves_in_flight = rows.count(3);
  stats.checkpoints = rows.count(4);
  stats.entries = rows.count(5);
  stats.bytes_logical = rows.count(6);
  // What a save in flight has pinned is not dead, though nothing refers to it yet.
  Statement blobs(db,
                  "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 0 AND damaged = 1), "
                  "coalesce(sum(raw_bytes) FILTER (WHERE state = 0), 0), "
                  "coalesce(sum(stored_bytes + ?1) FILTER (WHERE state = 0), 0), "
                  "coalesce(sum(stored_bytes + ?1) FILTER (WHERE state = 1 OR (refs = 0 AND id NOT IN "
                  "  (SELECT blob_id FROM save_pin))), 0) FROM blob",
                  std::uint64_t{format::kHeaderBytes});
  blobs.step();
  stats.blobs = blobs.count(0);
  stats.blobs_damaged = blobs.count(1);
  stats.bytes_raw = blobs.count(2);
  stats.bytes_stored = blobs.count(3);
  stats.bytes_dead = blobs.count(4);
  return stats;
}

}  // namespace lastgood::catalog

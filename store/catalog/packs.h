// Packs: one row per file in blobs/. Each function runs inside a transaction of the caller's. A pack has its row before
// its file, and loses it after its file: a file without a row is an orphan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Connection;

struct PackRow {
  PackId id;
  format::Uuid uuid;
  bool owner_in_flight = false;  // the save that writes it still has its row
  std::uint64_t live_blobs = 0;
  std::uint64_t dead_blobs = 0;
  std::uint64_t live_bytes = 0;  // headers and payloads of LIVE frames, padding excluded
};

/// All packs with their counts. Walks all blobs by blob_place: for collections, estimates and checks alone.
std::vector<PackRow> list_packs(Connection& db);
/// A pack that compaction wrote: no owner. Needs Catalog::write(), in the commit that moves blobs into it.
PackId add_compacted_pack(Connection& db, const format::Uuid& pack);
/// Drops the row of an unlinked pack together with its DEAD rows. Throws Error(internal) where it has a LIVE one. By
/// blob_place. REQUIRES: the file is gone, and the folder was synced.
void drop_pack(Connection& db, PackId pack);
/// Which files are ours? The stems of their names. Asked after the folder was listed (FORMAT.md, "The protocol", rule
/// 11).
std::vector<format::Uuid> pack_uuids(Connection& db);
/// The counter that gc's marking commit always raises. A commit that writes nothing would not settle what an earlier,
/// failed one left undecided.
void raise_gc_counter(Connection& db);

}  // namespace lastgood::catalog

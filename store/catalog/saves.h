// Saves in flight: their rows, packs and pins. (FORMAT.md, "The protocol", rules 1 to 5.)
// Each function runs inside a transaction of the caller's; those that change something need Catalog::write.
//
// A save's row says that its packs may still get LIVE blobs, and that its pins hold. It goes with the final commit, or
// when a collection, which holds the save's lock by then, ends it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Connection;

struct SaveRow {
  SaveId id;
  format::Uuid uuid;
};

struct BegunSave {
  SaveId save;
  PackId pack;
};

/// The save's row and its pack's row: before the pack file exists. The pack is named by the save's uuid. May be
/// relaxed: a save does not outlive the power loss that takes its row.
BegunSave begin_save(Connection& db, const format::Uuid& uuid, SessionId session);
/// One more pack for the save, named `pack` (after a failed sync of the first).
PackId add_pack(Connection& db, const format::Uuid& pack, SaveId save);
/// Did nobody take the save for dead? By the key; asked in the final commit.
bool save_exists(Connection& db, SaveId save);
/// Pins those of `blobs` that are LIVE and not damaged; true for each of those, in order. Relies on blob's primary key.
std::vector<bool> pin_live(Connection& db, SaveId save, std::span<const BlobId> blobs);
/// Deletes the save's row and its pins. Its packs stay; their owner is gone. By the key; pins go by theirs.
void end_save(Connection& db, SaveId save);
/// Which saves might be under way? Their locks tell which are. Walks the table, which holds just these.
std::vector<SaveRow> saves_in_flight(Connection& db);

}  // namespace lastgood::catalog

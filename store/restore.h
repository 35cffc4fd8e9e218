// Turning an inventory of packs into the rows of a new catalog.
#pragma once

#include "store/catalog/checkpoints.h"
#include "store/restorable.h"

namespace lastgood {

/// Writes packs, blobs, runs, sessions and the checkpoints that come back into an empty catalog, in a transaction of
/// the caller's. Blobs that no checkpoint needs get rows too: the next collection frees them. Damaged blobs carry the
/// mark; those that no pack has get rows, with the mark, in a pack that has no file (FORMAT.md, "A rebuilt catalog").
/// REQUIRES: `db` is empty but for its schema. Where it throws, the transaction is the caller's to give up; files are
/// not touched.
RestoreReport restore(catalog::Connection& db, const Inventory& inventory, const OldCatalog& old,
                      io::PackReader& reader);

}  // namespace lastgood

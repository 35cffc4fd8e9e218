// How blob rows are selected and read, for the topics that return them. One list for all, so that the numbers of
// read_blob()'s columns are right everywhere.
#pragma once

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Statement;

/// What read_blob() expects first in a row, of `b` (blob) and `p` (pack).
#define LASTGOOD_BLOB_COLUMNS                                                                                     \
  "b.id, b.pack_id, p.uuid, b.offset, b.kind, b.codec, b.raw_bytes, b.stored_bytes, b.hash, b.state, b.damaged, " \
  "b.refs"

/// Throws Error(corruption) for values that no blob can have.
Blob read_blob(const Statement& row);

}  // namespace lastgood::catalog

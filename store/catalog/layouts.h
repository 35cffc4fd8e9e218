// Layouts: names, dtypes and shapes of entries, stored once for all checkpoints of the same structure.
// They answer questions without reading a pack; what a load trusts is the manifest.
#pragma once

#include <cstdint>
#include <vector>

#include <lastgood/tensor.h>

#include "store/format/manifest.h"

namespace lastgood::catalog {

class Connection;

/// The layout of the manifest's entries, made where it is not there. Needs Catalog::write(). By the unique index over
/// digests: an unchanged structure costs one look-up.
std::int64_t find_or_create_layout(Connection& db, const format::Manifest& manifest);
/// Drops the layout unless a checkpoint uses it. Relies on the index over checkpoint.layout_id.
void drop_unused_layout(Connection& db, std::int64_t layout);

}  // namespace lastgood::catalog

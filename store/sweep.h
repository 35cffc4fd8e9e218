// Orphans: files in blobs/ that no row of the catalog knows, left by a power cut or by a compaction that was cut short.
#pragma once

#include <cstdint>
#include <vector>

#include "store/format/uuid.h"
#include "store/store_impl.h"

namespace lastgood {

/// Packs without a row. A file whose name is not a pack's is none of ours: it is left alone, with a warning.
/// REQUIRES: the caller holds the gc lock, so that no compaction is at work, and has committed its marks.
std::vector<format::Uuid> find_orphans(const StoreImpl& store);

/// True where the pack holds a whole checkpoint record: a catalog that is older than the pack, or was rebuilt while the
/// pack was away, does not know it, but somebody's training may be in it.
bool holds_checkpoint(const StoreImpl& store, const format::Uuid& pack);

/// What the pack's file occupies on disk, in bytes; 0 where there is none.
std::uint64_t allocated_bytes(const StoreImpl& store, const format::Uuid& pack);

/// The uuid in a pack's file name; nothing for any other name.
std::optional<format::Uuid> pack_of(const std::string& file_name);

}  // namespace lastgood

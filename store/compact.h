// Compaction: the LIVE blobs of a wasteful pack move to a new one. For the thread of the collection; readers and saves
// go on beside it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/catalog/packs.h"
#include "store/catalog/rows.h"
#include "store/store_impl.h"

namespace lastgood {

/// Whether copying the LIVE blobs of a pack is worth what it frees. `allocated`: what the pack occupies now;
/// `needed`: what its copy would. `can_punch`: holes have already taken what they can.
bool worth_compacting(std::uint64_t allocated, std::uint64_t needed, bool can_punch);

/// Copies the pack's LIVE blobs into a new pack and moves their rows there; durable on return. Blobs whose bytes do not
/// match their hash stay, marked as damaged, with a warning. The old pack stays too. Returns the new pack's uuid.
/// REQUIRES: the caller holds the gc lock, and the pack's owner is not in flight.
/// On any exception nothing has been taken away, and the new pack is an orphan, or, where only the commit's outcome is
/// unknown, possibly in use.
format::Uuid compact(const StoreImpl& store, const catalog::PackRow& pack, std::span<const catalog::Blob> blobs);

}  // namespace lastgood

// Which entries of a checkpoint a load is about, and whether the slots fit them. Pure functions over a manifest that
// was checked.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lastgood/load.h>

#include "store/format/manifest.h"

namespace lastgood {

/// True where section and patterns of the options take the entry in.
bool selects(const LoadOptions& options, const EntrySpec& spec);

/// For each slot, the position of its entry in the manifest; aliases are followed to the entry that owns the bytes.
/// Throws Error(invalid_argument) naming the first five mismatches and counting the rest: slots without an entry,
/// entries without a slot (strict), other dtypes or shapes, two slots of one name.
std::vector<std::size_t> match_slots(const format::Manifest& manifest, std::span<const TensorSlot> slots,
                                     const LoadOptions& options);

/// For each entry of a manifest, the position of the one that owns its bytes: itself, or what it is an alias of.
std::vector<std::size_t> owners(const format::Manifest& manifest);

}  // namespace lastgood

// What a collection would free, without changing anything.
#pragma once

#include <lastgood/gc.h>

#include "store/store_impl.h"

namespace lastgood {

/// Counts blobs that no checkpoint refers to, but for those of `options.forgetting`. What saves in flight have pinned
/// meanwhile is counted too: hence an estimate. Cancelled through `options.progress`. REQUIRES: the gc lock is held,
/// but for a read-only handle.
GcReport estimate_collection(const StoreImpl& store, const GcOptions& options);

}  // namespace lastgood

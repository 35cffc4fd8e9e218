// Memory that an accelerator's allocator keeps for later.
#pragma once

namespace lastgood::recovery {

/// Gives it back to the device. Without an accelerator, there is none to give back. Loses nothing but time: the next
/// allocations ask the device again.
void clear_cache();

}  // namespace lastgood::recovery

// Patterns of names, as LoadOptions::patterns and RestoreOptions::patterns take them; for others that select by name.
// Safe from any thread.
#pragma once

#include <string_view>

namespace lastgood {

/// Whether the pattern takes in the whole name: `*` is any run of characters, also an empty one, and `?` is one (a byte
/// of UTF-8 counts as one). At most as many steps as the product of the two lengths.
bool matches_pattern(std::string_view pattern, std::string_view name) noexcept;

}  // namespace lastgood

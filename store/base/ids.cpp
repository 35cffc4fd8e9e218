// The text of a hash, as the command, the public views and records show it: 32 digits, the high ones first, since
// `bytes` are in XXH3's canonical order. What `xxhsum -H2` prints for the same content is the same text.
#include <lastgood/ids.h>

#include "store/base/hex.h"

namespace lastgood {

std::string BlobHash::hex() const {
  return base::to_hex(bytes);
}

// Nothing but 32 digits is a hash: a shortened one, as tools print them, is refused and not padded.
std::optional<BlobHash> BlobHash::from_hex(std::string_view text) {
  const auto bytes = base::from_hex(text);
  if (!bytes) return std::nullopt;
  return BlobHash{*bytes};
}

}  // namespace lastgood

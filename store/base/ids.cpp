#include <lastgood/ids.h>

#include "store/base/hex.h"

namespace lastgood {

std::string BlobHash::hex() const {
  return base::to_hex(bytes);
}

std::optional<BlobHash> BlobHash::from_hex(std::string_view text) {
  const auto bytes = base::from_hex(text);
  if (!bytes) return std::nullopt;
  return BlobHash{*bytes};
}

}  // namespace lastgood

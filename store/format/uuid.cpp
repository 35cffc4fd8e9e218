// getrandom(2) and no generator of our own: a seed that is copied by fork, or set by a trainer for reproducible runs,
// would give two packs one name.
#include "store/format/uuid.h"

#include <sys/random.h>

#include <cerrno>

#include <lastgood/error.h>

#include "store/base/hex.h"

namespace lastgood::format {

Uuid Uuid::random() {
  Uuid uuid;
  std::size_t filled = 0;
  while (filled < uuid.bytes.size()) {
    // Without flags: waits, early after boot, until the generator is seeded, instead of giving what could come again.
    const ssize_t got = getrandom(uuid.bytes.data() + filled, uuid.bytes.size() - filled, 0);
    if (got < 0 && errno != EINTR) {
      throw Error(ErrorCode::io, "getrandom", "the kernel gives no random bytes to name a file with", errno);
    }
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
  return uuid;
}

std::string Uuid::hex() const {
  return base::to_hex(bytes);
}

std::optional<Uuid> Uuid::from_hex(std::string_view text) {
  const auto bytes = base::from_hex(text);
  if (!bytes) return std::nullopt;
  return Uuid{*bytes};
}

}  // namespace lastgood::format

// By the version of the library that runs, not of the header that was compiled against.
#include "store/catalog/catalog.h"

namespace lastgood::catalog {

// The race of the write-ahead log's reset, present since 3.7.0, was mended in 3.51.3 and in two older branches.
bool wal_is_safe(int version) noexcept {
  return version >= 3'051'003 || (version >= 3'050'007 && version < 3'051'000) ||
         (version >= 3'044'006 && version < 3'045'000);
}

}  // namespace lastgood::catalog

// Two contents of one XXH3-128.
#pragma once

#include "tests/support/bytes.h"

namespace lastgood::test {

struct Collision {
  Bytes one;
  Bytes two;
};

/// 1 MiB each: where the first half of a lane equals the hash's public secret, its product with the other half is 0,
/// and the plain sums of two stripes can be traded against each other.
Collision build_collision();

}  // namespace lastgood::test

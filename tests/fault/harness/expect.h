// What the tests of the sweeps ask of a tally.
#pragma once

#include <catch2/catch.hpp>

#include "tests/fault/harness/sweep.h"

namespace lastgood::test {

/// No violation, and no fewer points than when this was written: a sweep must not shrink silently.
inline void require_sound(const Tally& tally, std::uint64_t least_points) {
  INFO(tally.violation.value_or(""));
  REQUIRE_FALSE(tally.violation.has_value());
  if (!one_point_only()) REQUIRE(tally.points >= least_points);
}

}  // namespace lastgood::test

// Manifests for tests: a small one with every feature, and random ones.
#pragma once

#include <random>
#include <string>

#include "store/format/manifest.h"

namespace lastgood::test {

/// A tensor in two chunks, a scalar, an empty one, and one tied to the first.
format::Manifest small_manifest();

/// Up to 40 valid entries: all sections and dtypes, aliases, names in several scripts.
format::Manifest random_manifest(std::mt19937& random);

}  // namespace lastgood::test

// Strong types for what the store names by number or by hash. Plain values: cheap to copy, safe from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lastgood {

/// A row id of the catalog. Ids of one kind are never reused within a store, and never mix with those of another kind.
template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using CheckpointId = Id<struct CheckpointTag>;
using RunId = Id<struct RunTag>;
using SessionId = Id<struct SessionTag>;

/// Steps of the optimizer since the start of the run. Never negative.
using Step = std::int64_t;

/// XXH3-128 (seed 0) of the raw bytes of a blob, in canonical (big-endian) byte order.
/// It finds damage and equal content; it is no proof against somebody who builds two contents of one hash.
struct BlobHash {
  std::array<std::uint8_t, 16> bytes{};

  /// 32 lower-case hexadecimal digits.
  std::string hex() const;
  /// The inverse of hex(); nothing when `text` is not 32 hexadecimal digits.
  static std::optional<BlobHash> from_hex(std::string_view text);

  auto operator<=>(const BlobHash&) const = default;
};

}  // namespace lastgood

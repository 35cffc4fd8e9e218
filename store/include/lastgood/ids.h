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
/// They grow: a later checkpoint has the higher id. 0 is no row's. A rebuild of the catalog numbers everything anew:
/// what must outlast one is told by run and step, or by the digest.
template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using CheckpointId = Id<struct CheckpointTag>;
using RunId = Id<struct RunTag>;
using SessionId = Id<struct SessionTag>;

/// Steps of the optimizer since the start of the run. Never negative. What counts as a step is the trainer's to say, as
/// long as it stays the same in a run: windows and retention count by it.
using Step = std::int64_t;

/// XXH3-128 (seed 0) of the raw bytes of a blob, in canonical (big-endian) byte order.
/// It finds damage and equal content; it is no proof against somebody who builds two contents of one hash. The store
/// therefore compares bytes before it takes a stored blob for new content that it has not itself hashed before.
struct BlobHash {
  std::array<std::uint8_t, 16> bytes{};

  /// 32 lower-case hexadecimal digits. The same as `xxhsum -H2` prints.
  std::string hex() const;
  /// The inverse of hex(); nothing when `text` is not 32 hexadecimal digits.
  static std::optional<BlobHash> from_hex(std::string_view text);

  auto operator<=>(const BlobHash&) const = default;
};

}  // namespace lastgood

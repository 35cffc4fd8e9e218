// Which parts of a pack may be given back to the file system. Pure arithmetic, no I/O.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/catalog/rows.h"

namespace lastgood {

/// Bytes [begin, end) of a file.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const Extent&) const = default;
};

/// The frame's header and payload, without padding.
Extent extent_of(const catalog::Blob& blob);

/// The whole blocks of a pack of `size` bytes that neither its header nor a LIVE blob touches, in rising order. The
/// block that the pack's end leaves half empty counts as whole: the last extent may end behind the pack. `blobs`: all
/// of the pack's rows, by offset.
std::vector<Extent> free_extents(std::span<const catalog::Blob> blobs, std::uint64_t size, std::uint64_t block);

/// What a pack would occupy if it held nothing but its header and its LIVE blobs.
std::uint64_t packed_size(std::span<const catalog::Blob> blobs);

}  // namespace lastgood

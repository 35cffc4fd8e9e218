// Byte planes: plane k of a buffer holds its bytes k, k + count, k + 2 * count ... The high bytes of neighbouring
// floating-point numbers (sign and exponent) resemble each other, the low ones do not: zstd finds more in a plane than
// in the numbers. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <span>

namespace lastgood::format {

/// True for the numbers of planes that the format knows: 2, 4, 8, 16.
bool is_plane_count(std::size_t count);

/// Bytes of plane `plane` of a buffer of `total` bytes.
std::size_t plane_bytes(std::size_t total, std::size_t count, std::size_t plane);

/// Writes all planes one after the other. REQUIRES: is_plane_count(count), planes.size() == raw.size().
void split_planes(std::span<const std::byte> raw, std::size_t count, std::span<std::byte> planes);

/// Puts one plane back into its places. REQUIRES: the plane has plane_bytes() bytes. Bytes of other planes are left as
/// they are, so planes may come in any order and from anywhere.
void merge_plane(std::span<const std::byte> plane, std::size_t index, std::size_t count, std::span<std::byte> raw);

}  // namespace lastgood::format

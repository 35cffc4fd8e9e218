// zstd over whole buffers, with one context a thread: setting one up costs more than packing a small block. Safe from
// any thread. Throws std::bad_alloc where zstd finds no memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lastgood::format {

/// Appends `raw` packed by zstd, if that takes at most `limit` bytes; otherwise leaves `out` as it was and returns
/// false.
bool append_zstd(std::vector<std::byte>& out, std::span<const std::byte> raw, int level, std::size_t limit);

/// Fills `raw` exactly; throws Error(corruption) where `stored` is not the zstd form of just as many bytes.
void unpack_zstd(std::span<const std::byte> stored, std::span<std::byte> raw);

}  // namespace lastgood::format

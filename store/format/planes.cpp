#include "store/format/planes.h"

#include <array>

namespace lastgood::format {
namespace {

// With the count known to the compiler, the inner loop is unrolled and each element is read once.
template <std::size_t kCount>
void split(std::span<const std::byte> raw, std::span<std::byte> planes) {
  std::array<std::byte*, kCount> out{};
  std::size_t at = 0;
  for (std::size_t k = 0; k < kCount; ++k) {
    out[k] = planes.data() + at;
    at += plane_bytes(raw.size(), kCount, k);
  }
  const std::size_t elements = raw.size() / kCount;
  for (std::size_t i = 0; i < elements; ++i) {
    for (std::size_t k = 0; k < kCount; ++k) out[k][i] = raw[i * kCount + k];
  }
  // What is left of a content that ends within an element: one more byte for the first planes.
  for (std::size_t rest = elements * kCount; rest < raw.size(); ++rest) out[rest % kCount][elements] = raw[rest];
}

}  // namespace

// The widths of all multi-byte dtypes; 16 is complex128. FORMAT.md lists them: a new one needs a new codec number,
// since readers of today refuse it.
bool is_plane_count(std::size_t count) {
  return count == 2 || count == 4 || count == 8 || count == 16;
}

std::size_t plane_bytes(std::size_t total, std::size_t count, std::size_t plane) {
  return total / count + (plane < total % count ? 1 : 0);
}

void split_planes(std::span<const std::byte> raw, std::size_t count, std::span<std::byte> planes) {
  switch (count) {
    case 2: return split<2>(raw, planes);
    case 4: return split<4>(raw, planes);
    case 8: return split<8>(raw, planes);
    default: return split<16>(raw, planes);
  }
}

// Not unrolled like split(): a plane that was packed arrives alone, so there is only one to scatter at a time.
void merge_plane(std::span<const std::byte> plane, std::size_t index, std::size_t count, std::span<std::byte> raw) {
  for (std::size_t i = 0; i < plane.size(); ++i) raw[i * count + index] = plane[i];
}

}  // namespace lastgood::format

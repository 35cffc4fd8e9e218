// One pass over the numbers of a tensor: how many are NaN, how many infinite, and the sum of the squares. Without
// LibTorch, and at the speed of memory: numbers are counted only where a sum shows that not all of them are finite.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lastgood::monitor {

/// How a real number lies in memory, in the machine's byte order.
enum class RealFormat : std::uint8_t { float16, bfloat16, float32, float64 };

constexpr std::size_t size_of(RealFormat format) noexcept {
  switch (format) {
    case RealFormat::float16:
    case RealFormat::bfloat16: return 2;
    case RealFormat::float32: return 4;
    case RealFormat::float64: break;
  }
  return 8;
}

/// Reals one behind the other, of any alignment. Two of them make one element where it is complex.
struct Reals {
  const char* data = nullptr;
  std::size_t count = 0;
  RealFormat format = RealFormat::float32;
  bool is_complex = false;
};

/// What a pass found. Tallies of the parts of a tensor, in order, add up to that of the whole.
struct Tally {
  std::uint64_t nan = 0;  // elements; a complex one is what either of its parts is, and may be both
  std::uint64_t inf = 0;
  double squares = 0;       // the sum, in double; meaningless unless all are finite
  double huge_squares = 0;  // the same of numbers whose squares a double cannot hold, scaled down (tally.cpp)

  Tally& operator+=(const Tally& other) noexcept;
  void add_norm(double norm) noexcept;

  /// L2. NaN if anything is NaN, else infinite if anything is; never infinite otherwise: it ends at the largest double.
  double norm() const noexcept;
};

/// The same result at any alignment. REQUIRES: an even count where `is_complex`.
Tally tally(const Reals& reals) noexcept;

}  // namespace lastgood::monitor

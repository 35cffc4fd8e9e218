// How a pass goes, block by block:
//
// 1. Sum the squares in double: of half precision and of float none can overflow or vanish.
// 2. A finite sum, well below the largest double, says that every number is finite: that is all.
// 3. Otherwise look at each number again: count NaN and Inf, or, where a double's square is too large, sum it scaled.
//
// A block is read as two streams at once, front and back half, and a little ahead: memory serves that faster than one
// stream (`./dev bench overhead` compares with a plain read).
#include "monitor/torch/tally.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#if defined(__x86_64__) && defined(__GNUC__)
#define LASTGOOD_HAS_AVX2 1
#endif

#define LASTGOOD_INLINE inline __attribute__((always_inline))

namespace lastgood::monitor {
namespace {

constexpr std::size_t kLanes = 4;
using Doubles = double __attribute__((vector_size(kLanes * 8)));
using Floats = float __attribute__((vector_size(kLanes * 4)));
using Words = std::uint32_t __attribute__((vector_size(kLanes * 4)));

// 64 to 128 KiB of most formats: it stays in the second level cache for a second look.
constexpr std::size_t kBlock = 16384;
// What each of the two streams takes at once.
constexpr std::size_t kStep = 2 * kLanes;
constexpr std::size_t kBytesAhead = 1024;

// Numbers above 2^400 are summed as (x / 2^600)^2; below, 2^200 squares fit.
constexpr double kHuge = 0x1p400;
constexpr double kHugeScale = 0x1p-600;
constexpr double kSumIsSafe = 0x1p1000;

/// Each converts eight numbers to doubles, in any order. `kScale` is what the sum of their squares is to be multiplied
/// by.
struct LoadDouble {
  static constexpr double kScale = 1;
  static LASTGOOD_INLINE void load(const char* from, Doubles& a, Doubles& b) {
    std::memcpy(&a, from, sizeof a);
    std::memcpy(&b, from + sizeof a, sizeof b);
  }
};

struct LoadFloat {
  static constexpr double kScale = 1;
  static LASTGOOD_INLINE void load(const char* from, Doubles& a, Doubles& b) {
    convert(from, a);
    convert(from + sizeof(Floats), b);
  }
  static LASTGOOD_INLINE void convert(const void* from, Doubles& to) {
    Floats floats;
    std::memcpy(&floats, from, sizeof floats);
    to = __builtin_convertvector(floats, Doubles);
  }
};

/// A bfloat16 is the upper half of a float. Two are taken out of each word where they lie.
struct LoadBfloat16 {
  static constexpr double kScale = 1;
  static LASTGOOD_INLINE void load(const char* from, Doubles& a, Doubles& b) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    const Words low = words << 16;
    const Words high = words & 0xffff0000u;
    LoadFloat::convert(&low, a);
    LoadFloat::convert(&high, b);
  }
};

/// A half's exponent and mantissa, read as a float's, are its magnitude times 2^-112, and where it is not finite a
/// number from 2^-96 on. So the first factor makes them right (IEEE 754: exponents are biased by 127 and by 15), and
/// the second one makes exactly those overflow that were not finite.
struct LoadHalf {
  static constexpr double kScale = 0x1p-224;
  static LASTGOOD_INLINE void load(const char* from, Doubles& a, Doubles& b) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    convert((words & 0x7fff) << 13, a);
    convert((words >> 3) & 0x0fffe000, b);
  }
  static LASTGOOD_INLINE void convert(const Words& bits, Doubles& to) {
    Floats floats;
    std::memcpy(&floats, &bits, sizeof floats);
    to = __builtin_convertvector(floats * 0x1p112f * 0x1p112f, Doubles);
  }
};

/// Harmless where nothing is; as a number, since no pointer may leave its array.
LASTGOOD_INLINE void read_ahead(const char* from) {
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + kBytesAhead));
}

/// REQUIRES: `half` is a multiple of kStep. The numbers are at `front` and at `back`.
template <class Load>
LASTGOOD_INLINE double sum_of_streams(const char* front, const char* back, std::size_t half, std::size_t size) {
  Doubles a{}, b{}, c{}, d{};
  for (std::size_t i = 0; i < half * size; i += kStep * size) {
    read_ahead(front + i);
    read_ahead(back + i);
    Doubles w, x, y, z;
    Load::load(front + i, w, x);
    Load::load(back + i, y, z);
    a += w * w;
    b += x * x;
    c += y * y;
    d += z * z;
  }
  a = (a + b) + (c + d);
  return ((a[0] + a[1]) + (a[2] + a[3])) * Load::kScale;
}

template <class Load>
LASTGOOD_INLINE double sum_of_squares(const char* data, std::size_t count, std::size_t size) {
  const std::size_t half = count / (2 * kStep) * kStep;
  double sum = sum_of_streams<Load>(data, data + half * size, half, size);
  if (const std::size_t rest = count - 2 * half; rest != 0) {
    char padded[2 * kStep * sizeof(double)] = {};
    std::memcpy(padded, data + 2 * half * size, rest * size);
    sum += sum_of_streams<Load>(padded, padded + kStep * size, kStep, size);
  }
  return sum;
}

LASTGOOD_INLINE double sum_of_format(const char* data, std::size_t count, RealFormat format) {
  switch (format) {
    case RealFormat::float16: return sum_of_squares<LoadHalf>(data, count, 2);
    case RealFormat::bfloat16: return sum_of_squares<LoadBfloat16>(data, count, 2);
    case RealFormat::float32: return sum_of_squares<LoadFloat>(data, count, 4);
    case RealFormat::float64: break;
  }
  return sum_of_squares<LoadDouble>(data, count, 8);
}

// Twice the same code, for what the processor has. Neither fuses multiplication and addition, so their sums are equal.
double portable_sum(const char* data, std::size_t count, RealFormat format) {
  return sum_of_format(data, count, format);
}

#ifdef LASTGOOD_HAS_AVX2
__attribute__((target("avx2"))) double avx2_sum(const char* data, std::size_t count, RealFormat format) {
  return sum_of_format(data, count, format);
}
#endif

double sum(const char* data, std::size_t count, RealFormat format) {
#ifdef LASTGOOD_HAS_AVX2
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return avx2_sum(data, count, format);
#endif
  return portable_sum(data, count, format);
}

template <class Bits>
Bits bits_at(const char* data, std::size_t index) {
  Bits bits;
  std::memcpy(&bits, data + index * sizeof bits, sizeof bits);
  return bits;
}

struct Kind {
  bool nan = false;
  bool inf = false;
};

/// By its bits: `exponent` is that of NaN and Inf, whose mantissa is 0.
template <class Bits>
Kind kind_of(Bits bits, Bits exponent) {
  const auto magnitude = static_cast<Bits>(bits & (std::numeric_limits<Bits>::max() >> 1));
  return {magnitude > exponent, magnitude == exponent};
}

Kind kind_at(const Reals& reals, std::size_t index) {
  switch (reals.format) {
    case RealFormat::float16: return kind_of<std::uint16_t>(bits_at<std::uint16_t>(reals.data, index), 0x7c00);
    case RealFormat::bfloat16: return kind_of<std::uint16_t>(bits_at<std::uint16_t>(reals.data, index), 0x7f80);
    case RealFormat::float32: return kind_of<std::uint32_t>(bits_at<std::uint32_t>(reals.data, index), 0x7f800000);
    case RealFormat::float64: break;
  }
  return kind_of<std::uint64_t>(bits_at<std::uint64_t>(reals.data, index), 0x7ff0000000000000);
}

Tally count_non_finite(const Reals& block) {
  Tally found;
  const std::size_t parts = block.is_complex ? 2 : 1;
  for (std::size_t i = 0; i < block.count; i += parts) {
    Kind kind = kind_at(block, i);
    if (block.is_complex) {
      const Kind imaginary = kind_at(block, i + 1);
      kind = {kind.nan || imaginary.nan, kind.inf || imaginary.inf};
    }
    found.nan += kind.nan;
    found.inf += kind.inf;
  }
  return found;
}

/// REQUIRES: doubles, all finite.
Tally sum_huge(const Reals& block) {
  Tally found;
  for (std::size_t i = 0; i < block.count; ++i) {
    double value;
    std::memcpy(&value, block.data + i * sizeof value, sizeof value);
    found.add_norm(std::abs(value));
  }
  return found;
}

Tally tally_block(const Reals& block) {
  const double squares = sum(block.data, block.count, block.format);
  if (squares <= kSumIsSafe) return {.squares = squares};
  const Tally found = count_non_finite(block);
  return found.nan != 0 || found.inf != 0 ? found : sum_huge(block);
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) noexcept {
  nan += other.nan;
  inf += other.inf;
  squares += other.squares;
  huge_squares += other.huge_squares;
  return *this;
}

void Tally::add_norm(double norm) noexcept {
  if (norm > kHuge) {
    huge_squares += (norm * kHugeScale) * (norm * kHugeScale);
  } else {
    squares += norm * norm;
  }
}

double Tally::norm() const noexcept {
  if (nan != 0) return std::numeric_limits<double>::quiet_NaN();
  if (inf != 0) return std::numeric_limits<double>::infinity();
  if (huge_squares == 0) return std::sqrt(squares);
  const double scaled = std::sqrt(huge_squares + squares * kHugeScale * kHugeScale);
  return std::min(scaled / kHugeScale, std::numeric_limits<double>::max());
}

Tally tally(const Reals& reals) noexcept {
  Tally total;
  for (std::size_t begin = 0; begin < reals.count; begin += kBlock) {
    Reals block = reals;
    block.data += begin * size_of(reals.format);
    block.count = std::min(kBlock, reals.count - begin);
    total += tally_block(block);
  }
  return total;
}

}  // namespace lastgood::monitor

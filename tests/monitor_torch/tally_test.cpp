#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "monitor/torch/tally.h"

using namespace lastgood::monitor;

namespace {

constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kInf = std::numeric_limits<double>::infinity();

// How tally() cuts: these places lie at the borders of blocks, of their halves, of vectors, and in the last, odd rest.
constexpr std::size_t kCount = 2 * 16384 + 4096 + 13;
constexpr std::size_t kBorders[] = {0, 7, 8, 8191, 8192, 16383, 16384, 32767, 32768, 36863, 36864, 36871, kCount - 1};

template <class Number>
Tally tally_of(const std::vector<Number>& numbers, RealFormat format, bool is_complex = false) {
  return tally({reinterpret_cast<const char*>(numbers.data()), numbers.size(), format, is_complex});
}

/// What the bits of a 16-bit format mean, by its definition.
double decode(std::uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  if (exponent == (1 << exponent_bits) - 1) return mantissa == 0 ? kInf : std::nan("");
  if (exponent == 0) return std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

template <class Number>
void count_at_borders(RealFormat format, Number one, Number nan, Number inf) {
  std::vector<Number> numbers(kCount, one);
  CHECK(tally_of(numbers, format).norm() == std::sqrt(static_cast<double>(kCount)));
  std::uint64_t count = 0;
  for (const std::size_t place : kBorders) {
    std::vector<Number> single(kCount, one);
    single[place] = nan;
    const Tally found = tally_of(single, format);
    CHECK(found.nan == 1);
    CHECK(found.inf == 0);
    CHECK(std::isnan(found.norm()));
    numbers[place] = inf;
    CHECK(tally_of(numbers, format).inf == ++count);
    CHECK(tally_of(numbers, format).norm() == kInf);
  }
}

}  // namespace

TEST_CASE("NaN and Inf are counted apart and exactly, wherever a block begins or ends") {
  SECTION("float16") {
    count_at_borders<std::uint16_t>(RealFormat::float16, 0x3c00, 0x7e00, 0xfc00);
  }
  SECTION("bfloat16") {
    count_at_borders<std::uint16_t>(RealFormat::bfloat16, 0x3f80, 0xffc0, 0x7f80);
  }
  SECTION("float32") {
    count_at_borders<float>(RealFormat::float32, -1, std::nanf(""), -INFINITY);
  }
  SECTION("float64") {
    count_at_borders<double>(RealFormat::float64, 1, -std::nan(""), kInf);
  }
}

TEST_CASE("Every number of a 16-bit format is understood") {
  const bool half = GENERATE(true, false);
  const int exponent_bits = half ? 5 : 8;
  std::size_t wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const std::vector<std::uint16_t> one = {static_cast<std::uint16_t>(bits)};
    const Tally found = tally_of(one, half ? RealFormat::float16 : RealFormat::bfloat16);
    const double value = decode(one[0], exponent_bits);
    const bool right = std::isnan(value)   ? found.nan == 1 && found.inf == 0
                       : std::isinf(value) ? found.nan == 0 && found.inf == 1
                                           : found.nan == 0 && found.inf == 0 && found.norm() == value;
    wrong += right ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("Finite numbers whose squares their own type cannot hold have a norm") {
  const std::vector<std::uint16_t> halves(40000, 0x7bff);  // 65504
  CHECK(tally_of(halves, RealFormat::float16).norm() == 65504.0 * 200);
  const std::vector<std::uint16_t> brain(40000, 0x7f7f);
  CHECK(tally_of(brain, RealFormat::bfloat16).norm() == Approx(decode(0x7f7f, 8) * 200));
  const std::vector<float> floats(40000, -std::numeric_limits<float>::max());
  CHECK(tally_of(floats, RealFormat::float32).norm() == Approx(200.0 * std::numeric_limits<float>::max()));
  const std::vector<float> tiny(40000, std::numeric_limits<float>::denorm_min());
  CHECK(tally_of(tiny, RealFormat::float32).norm() == Approx(200.0 * std::numeric_limits<float>::denorm_min()));
}

TEST_CASE("Doubles near their limit have a norm, and no Inf is made up") {
  const Tally large = tally_of<double>({3e200, -4e200, 1}, RealFormat::float64);
  CHECK(large.inf == 0);
  CHECK(large.norm() == Approx(5e200).epsilon(1e-15));
  CHECK(tally_of<double>(std::vector<double>(4, kMax / 4), RealFormat::float64).norm() == Approx(kMax / 2));
  // The norm of these is no double.
  CHECK(tally_of<double>({kMax, kMax}, RealFormat::float64).norm() == kMax);
  // Each block's sum is a double, all of them together are not.
  const std::vector<double> many(200 * 16384, 1e150);
  CHECK(tally_of(many, RealFormat::float64).norm() == Approx(1e150 * std::sqrt(200.0 * 16384)));
}

TEST_CASE("One of a NaN and numbers near the limit is the NaN") {
  std::vector<double> numbers(20000, 1e200);
  numbers[19999] = std::nan("");
  const Tally found = tally_of(numbers, RealFormat::float64);
  CHECK(found.nan == 1);
  CHECK(found.inf == 0);
}

TEST_CASE("A complex element is what either of its parts is") {
  std::vector<float> parts(2 * 20000, 1);
  parts[2] = std::nanf("");
  parts[5] = INFINITY;
  parts[16384] = std::nanf("");
  parts[16385] = -INFINITY;
  parts[39998] = parts[39999] = std::nanf("");
  const Tally found = tally_of(parts, RealFormat::float32, true);
  CHECK(found.nan == 3);
  CHECK(found.inf == 2);
}

TEST_CASE("Alignment changes nothing, and the tallies of parts add up") {
  std::vector<float> numbers(50000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(static_cast<float>(i));
  const Tally whole = tally_of(numbers, RealFormat::float32);
  std::vector<char> shifted(numbers.size() * sizeof(float) + 3);
  std::memcpy(shifted.data() + 3, numbers.data(), numbers.size() * sizeof(float));
  CHECK(tally({shifted.data() + 3, numbers.size(), RealFormat::float32}).squares == whole.squares);
  const char* data = shifted.data() + 3;
  Tally parts = tally({data, 16384, RealFormat::float32});
  parts += tally({data + 16384 * sizeof(float), numbers.size() - 16384, RealFormat::float32});
  CHECK(parts.squares == Approx(whole.squares).epsilon(1e-15));
  CHECK(tally({data, 0, RealFormat::float32}).norm() == 0);
}

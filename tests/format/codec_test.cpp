#include "store/format/codec.h"

#include <cstring>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/planes.h"
#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

/// What weights look like: normal, small, little-endian float32.
Bytes weights(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  Bytes bytes(count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    const float value = normal(random);
    std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof(value));
  }
  return bytes;
}

Bytes unpacked(const Packed& packed, std::size_t size) {
  Bytes raw(size);
  unpack(packed.codec, packed.bytes, raw);
  return raw;
}

std::string unpack_failure(Codec codec, std::span<const std::byte> stored, std::size_t size) {
  return failure_of([&] {
    Bytes raw(size);
    unpack(codec, stored, raw);
  });
}

/// Two planes of "ab" each, both raw: the bytes "aabb" apart.
const Bytes kTwoPlanes = from_hex("02  00 0200000000000000  00 0200000000000000  6162 6364");

}  // namespace

TEST_CASE("planes lie one after the other behind their table") {
  Bytes raw(4);
  unpack(Codec::planes, kTwoPlanes, raw);
  REQUIRE(raw == from_text("acbd"));
}

TEST_CASE("weights pack by byte planes, and come back") {
  const std::size_t count = GENERATE(1000u, 32768u, 32769u, 300000u);
  const Bytes raw = weights(count, 1);
  const auto packed = pack(raw, 4);
  REQUIRE(packed.has_value());
  REQUIRE(packed->codec == Codec::planes);
  REQUIRE(packed->bytes.size() < raw.size() * 95 / 100);
  REQUIRE(unpacked(*packed, raw.size()) == raw);
}

TEST_CASE("every width of element packs, whole or with a rest") {
  const std::size_t width = GENERATE(1u, 2u, 4u, 8u, 16u);
  const std::size_t rest = GENERATE(0u, 1u, 3u);
  Bytes raw(width * 5000 + rest);
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<std::byte>(i % width == 0 ? i / 997 : 7 * i);
  const auto packed = pack(raw, width);
  REQUIRE(packed.has_value());
  REQUIRE(packed->codec == (width == 1 ? Codec::zstd : Codec::planes));
  REQUIRE(unpacked(*packed, raw.size()) == raw);
}

TEST_CASE("elements of other widths pack by plain zstd") {
  const auto packed = pack(Bytes(3000), 3);
  REQUIRE(packed.has_value());
  REQUIRE(packed->codec == Codec::zstd);
}

TEST_CASE("planes that do not shrink are kept raw") {
  Bytes raw = random_bytes(40000, 3);
  for (std::size_t i = 1; i < raw.size(); i += 2) raw[i] = std::byte{42};
  const auto packed = pack(raw, 2);
  REQUIRE(packed.has_value());
  REQUIRE(packed->bytes[0] == std::byte{2});
  REQUIRE(packed->bytes[1] == std::byte{0});
  REQUIRE(packed->bytes[10] == std::byte{1});
  REQUIRE(unpacked(*packed, raw.size()) == raw);
}

TEST_CASE("noise is not packed, nor is what begins with 128 KiB of it") {
  const std::size_t width = GENERATE(1u, 4u);
  Bytes raw = random_bytes(128 * 1024, 4);
  REQUIRE_FALSE(pack(raw, width).has_value());
  raw.resize(1 << 20);
  REQUIRE_FALSE(pack(raw, width).has_value());
  REQUIRE_FALSE(pack({}, width).has_value());
}

TEST_CASE("a gain of less than 5 % is not worth unpacking") {
  Bytes raw = random_bytes(100000, 5);
  std::fill_n(raw.begin(), 4000, std::byte{0});
  REQUIRE_FALSE(pack(raw, 1).has_value());
  std::fill_n(raw.begin(), 7000, std::byte{0});
  REQUIRE(pack(raw, 1).has_value());
}

TEST_CASE("metadata packs whenever it shrinks") {
  const Bytes text = from_text(std::string(100, 'x') + "and so on");
  const auto packed = pack_metadata(text);
  REQUIRE(packed.has_value());
  REQUIRE(packed->codec == Codec::zstd);
  REQUIRE(unpacked(*packed, text.size()) == text);
  REQUIRE_FALSE(pack_metadata(from_text("x")).has_value());
  REQUIRE_FALSE(pack_metadata({}).has_value());
}

TEST_CASE("a raw payload is copied") {
  const Bytes raw = random_bytes(1000, 6);
  REQUIRE(unpacked({Codec::raw, raw}, raw.size()) == raw);
  REQUIRE(unpack_failure(Codec::raw, raw, 999) ==
          "corruption: a packed payload is damaged: a raw payload is stored in another length");
}

TEST_CASE("a packed payload that is cut anywhere is damaged") {
  const auto width = GENERATE(1u, 4u);
  Bytes raw = weights(300, 7);
  if (width == 1) raw.assign(1200, std::byte{9});
  const auto packed = pack(raw, width);
  REQUIRE(packed.has_value());
  for (std::size_t size = 0; size < packed->bytes.size(); ++size) {
    Bytes out(raw.size());
    const Error error = error_of([&] { unpack(packed->codec, std::span(packed->bytes).first(size), out); });
    REQUIRE(error.code() == ErrorCode::corruption);
  }
}

TEST_CASE("a payload that unpacks to another length is damaged") {
  const auto packed = pack(Bytes(1000), 1);
  REQUIRE(unpack_failure(Codec::zstd, packed->bytes, 1001) ==
          "corruption: a packed payload is damaged: it unpacks to 1000 instead of 1001 bytes");
  REQUIRE(unpack_failure(Codec::zstd, packed->bytes, 999) ==
          "corruption: a packed payload is damaged: zstd says \"Destination buffer is too small\"");
}

TEST_CASE("each field of the table of planes is checked") {
  struct Case {
    std::size_t at;
    unsigned value;
    std::string what;
  };
  const auto [at, value, what] = GENERATE(values<Case>({
      {0, 0, "there is no layout of 0 byte planes"},
      {0, 3, "there is no layout of 3 byte planes"},
      {0, 255, "there is no layout of 255 byte planes"},
      {1, 2, "a byte plane has an unknown form"},
      {2, 1, "a byte plane has another length than its elements ask for"},
      {2, 5, "it ends before its byte planes do"},
      {9, 0xff, "it ends before its byte planes do"},
      {11, 1, "a byte plane has another length than its elements ask for"},
      {10, 1, "zstd says \"Src size is incorrect\""},
  }));
  CAPTURE(at, value);
  Bytes damaged = kTwoPlanes;
  damaged[at] = static_cast<std::byte>(value);
  REQUIRE(unpack_failure(Codec::planes, damaged, 4) == "corruption: a packed payload is damaged: " + what);
}

TEST_CASE("a plane longer than its places is damage, although all planes are there") {
  Bytes damaged = kTwoPlanes;
  damaged[2] = std::byte{3};
  damaged.push_back(std::byte{0});
  REQUIRE(unpack_failure(Codec::planes, damaged, 4) ==
          "corruption: a packed payload is damaged: a byte plane has another length than its elements ask for");
}

TEST_CASE("nothing may follow the last plane") {
  Bytes longer = kTwoPlanes;
  longer.push_back(std::byte{0});
  REQUIRE(unpack_failure(Codec::planes, longer, 4) ==
          "corruption: a packed payload is damaged: bytes follow its last byte plane");
}

TEST_CASE("a codec that does not exist is damage") {
  REQUIRE(unpack_failure(static_cast<Codec>(9), kTwoPlanes, 4) ==
          "corruption: a packed payload is damaged: there is no codec 9");
}

TEST_CASE("planes of a buffer with a rest have the lengths that add up to it") {
  const std::size_t count = GENERATE(2u, 4u, 8u, 16u);
  for (std::size_t total = 0; total < 100; ++total) {
    std::size_t sum = 0;
    for (std::size_t k = 0; k < count; ++k) sum += plane_bytes(total, count, k);
    REQUIRE(sum == total);
  }
}

// Manifests that nobody encoded: every defect that a decoder meets.
#include <optional>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/frame.h"
#include "store/format/manifest.h"
#include "tests/format/expect.h"
#include "tests/format/manifest_sample.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

// Places in the bytes of small_manifest().
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kCountAt = 12;
constexpr std::size_t kChunkBytesAt = 16;
constexpr std::size_t kFirstAt = 24;   // model/w
constexpr std::size_t kSecondAt = 79;  // optimizer/step
constexpr std::size_t kLastAt = 123;   // model/tied
constexpr std::size_t kLastOwnerAt = 149;

const std::string kDamaged = "corruption: the manifest is damaged: ";

std::string failure(const Bytes& bytes) {
  return failure_of([&] { decode_manifest(bytes); });
}

Bytes with(std::size_t at, const std::string& hex) {
  Bytes bytes = encode(small_manifest());
  const Bytes patch = from_hex(hex);
  std::ranges::copy(patch, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

}  // namespace

TEST_CASE("each field of a manifest is checked") {
  struct Case {
    std::size_t at;
    std::string patch;
    std::string what;
  };
  const auto [at, patch, what] = GENERATE(values<Case>({
      {0, "4d", "it does not begin with its magic bytes"},
      {kVersionAt, "00", "there is no version 0"},
      {kCountAt, "ffffffff", "it has no room for 4294967295 entries"},
      {kCountAt, "01001000", "it has no room for 1048577 entries"},
      {kCountAt, "20000000", "it has no room for 32 entries"},
      {kCountAt, "03000000", "30 bytes follow its last entry"},
      {kChunkBytesAt, "0000000000000000", "its chunk size is impossible"},
      {kChunkBytesAt, "ffffffffffffffff", "its chunk size is impossible"},
      {kChunkBytesAt, "0100000000000000", "it ends before the chunks of its entries do"},
      {kFirstAt, "05", "entry \"unknown/w\" is in no known section (5)"},
      {kFirstAt + 1, "16", "entry \"model/w\" has no known dtype (22)"},
      {kFirstAt + 2, "02", "an entry has unknown flags (2)"},
      {kFirstAt + 4, "0000", "entry \"model/\" needs a name of 1 to 4096 bytes of UTF-8 without control characters"},
      {kFirstAt + 6, "ff", "entry \"model/\\xff\" needs a name of 1 to 4096 bytes of UTF-8 without control characters"},
      {kFirstAt + 6, "0a", "entry \"model/\\x0a\" needs a name of 1 to 4096 bytes of UTF-8 without control characters"},
      {kFirstAt + 7, "ffffffffffffffff", "entry \"model/w\" has a negative size in its shape"},
      {kFirstAt + 7, "ffffffffffffff7f", "entry \"model/w\" has a shape of more than 2^63 - 1 bytes"},
      {kFirstAt + 7, "00000000ffffff00", "it ends before the chunks of its entries do"},
      {kLastAt, "01", "an alias refers to an entry of another section"},
      {kLastAt + 1, "09", "entry \"model/tied\" differs in dtype or shape from \"w\", whose alias it is"},
      {kLastOwnerAt - 16, "03000000000000000200",
       "entry \"model/tied\" differs in dtype or shape from \"w\", whose alias it is"},
      {kLastOwnerAt, "01000000", "an alias refers to an entry of another section"},
      {kLastOwnerAt, "03000000", "an alias refers to an entry that does not precede it"},
      {kLastOwnerAt, "ffffffff", "an alias refers to an entry that does not precede it"},
  }));
  CAPTURE(at, patch);
  REQUIRE(failure(with(at, patch)) == kDamaged + what);
}

TEST_CASE("a tensor of 65 dimensions is damage") {
  Manifest manifest{16, {{{Section::model, "w", DType::uint8, std::vector<std::int64_t>(64, 1), ""}, {BlobHash{}}}}};
  Bytes bytes = encode(manifest);
  bytes[kFirstAt + 3] = std::byte{65};
  const Bytes one = from_hex("0100000000000000");
  bytes.insert(bytes.begin() + kFirstAt + 7, one.begin(), one.end());
  REQUIRE(failure(bytes) == kDamaged + "entry \"model/w\" has 65 dimensions; at most 64 are kept");
}

TEST_CASE("a manifest of a newer format says who wrote it") {
  REQUIRE(failure(with(kVersionAt, "02000000")) ==
          "unsupported_version: the manifest was written by a newer Lastgood (manifest version 2); read it with that "
          "version");
}

TEST_CASE("a name that is there twice is damage") {
  Manifest manifest = small_manifest();
  manifest.entries[1].spec.section = Section::scheduler;
  manifest.entries[1].spec.name = "w";
  Bytes bytes = encode(manifest);
  bytes[kSecondAt] = std::byte{0};
  REQUIRE(failure(bytes) == kDamaged + "entry \"model/w\" is there twice");
}

TEST_CASE("an alias of an alias is damage") {
  Manifest manifest = small_manifest();
  manifest.entries.push_back(manifest.entries[3]);
  manifest.entries[4].spec.name = "more";
  Bytes bytes = encode(manifest);
  bytes[bytes.size() - 4] = std::byte{3};
  REQUIRE(failure(bytes) == kDamaged + "entry \"model/more\" is an alias of \"tied\", which is an alias itself");
}

TEST_CASE("a manifest that is cut anywhere is damaged") {
  const Bytes bytes = encode(small_manifest());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    const Error error = error_of([&] { decode_manifest(std::span(bytes).first(size)); });
    REQUIRE(error.code() == ErrorCode::corruption);
    REQUIRE(error.subject() == "manifest");
  }
}

TEST_CASE("nothing may follow a manifest") {
  Bytes bytes = encode(small_manifest());
  bytes.push_back(std::byte{0});
  REQUIRE(failure(bytes) == kDamaged + "1 bytes follow its last entry");
}

TEST_CASE("a manifest longer than a frame is damaged before it is read") {
  REQUIRE(failure(Bytes(kMaxPayload + 1)) == kDamaged + "it is longer than 64 MiB");
}

TEST_CASE("whatever decodes encodes to the very same bytes, after any damage") {
  const unsigned seed = GENERATE(range(1u, 50u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const Bytes good = encode(random_manifest(random));
  for (int i = 0; i < 200; ++i) {
    Bytes bytes = good;
    bytes[random() % bytes.size()] = static_cast<std::byte>(random() & 0xff);
    std::optional<Manifest> decoded;
    try {
      decoded = decode_manifest(bytes);
    } catch (const Error& error) {
      const bool expected = error.code() == ErrorCode::corruption || error.code() == ErrorCode::unsupported_version;
      REQUIRE(expected);
    }
    if (decoded) REQUIRE(encode(*decoded) == bytes);
  }
}

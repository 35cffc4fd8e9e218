#include "store/format/manifest.h"

#include <cstdint>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/digest.h"
#include "store/format/frame.h"
#include "tests/format/expect.h"
#include "tests/format/manifest_sample.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

std::string spec_failure(const EntrySpec& spec) {
  return failure_of([&] { check_spec(spec); });
}

std::string encode_failure(const Manifest& manifest) {
  return failure_of([&] { encode(manifest); });
}

}  // namespace

TEST_CASE("a manifest has the bytes that the document gives it") {
  REQUIRE(encode(small_manifest()) == from_hex("4c474d414e49460a"  // magic
                                               "01000000"          // version
                                               "04000000"          // entries
                                               "1000000000000000"  // bytes of a chunk
                                               // model/w: section, dtype, flags, dimensions, name
                                               "00 0d 00 02 0100 77"
                                               "0200000000000000 0300000000000000"
                                               "11111111111111111111111111111111"
                                               "22222222222222222222222222222222"
                                               // optimizer/step
                                               "01 0a 00 00 0400 73746570"
                                               "33333333333333333333333333333333"
                                               // extra/none
                                               "04 00 00 01 0400 6e6f6e65"
                                               "0000000000000000"
                                               // model/tied, an alias of entry 0
                                               "00 0d 01 02 0400 74696564"
                                               "0200000000000000 0300000000000000"
                                               "00000000"));
}

TEST_CASE("a manifest comes back as it went in, and encodes to the same bytes again") {
  const unsigned seed = GENERATE(range(1u, 200u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const Manifest manifest = random_manifest(random);
  const Bytes bytes = encode(manifest);
  const Manifest back = decode_manifest(bytes);
  REQUIRE(back == manifest);
  REQUIRE(encode(back) == bytes);
}

TEST_CASE("an empty manifest is one") {
  const Manifest manifest{4096, {}};
  REQUIRE(decode_manifest(encode(manifest)) == manifest);
}

TEST_CASE("the digest of a checkpoint covers name, section, dtype, shape, ties and contents") {
  const Manifest manifest = small_manifest();
  Manifest other = manifest;
  SECTION("name") {
    other.entries[1].spec.name = "stop";
  }
  SECTION("section") {
    other.entries[1].spec.section = Section::scheduler;
  }
  SECTION("dtype") {
    other.entries[1].spec.dtype = DType::uint64;
  }
  SECTION("shape") {
    other.entries[1].spec.shape = {1};
  }
  SECTION("ties") {
    other.entries[3].spec.alias_of.clear();
    other.entries[3].chunks = other.entries[0].chunks;
  }
  SECTION("contents") {
    other.entries[0].chunks[1].bytes[15] ^= 1;
  }
  SECTION("order") {
    std::swap(other.entries[1], other.entries[2]);
  }
  REQUIRE(hash_bytes(encode(other)) != hash_bytes(encode(manifest)));
}

TEST_CASE("chunks are counted as the bytes fill them") {
  REQUIRE(chunk_count(0, 8) == 0);
  REQUIRE(chunk_count(1, 8) == 1);
  REQUIRE(chunk_count(8, 8) == 1);
  REQUIRE(chunk_count(9, 8) == 2);
  REQUIRE(chunk_count(UINT64_MAX, 8) == UINT64_MAX / 8 + 1);
}

TEST_CASE("specs that the store cannot keep are named with their defect") {
  const EntrySpec good{Section::model, "w", DType::float32, {2}, ""};
  REQUIRE_NOTHROW(check_spec(good));
  EntrySpec spec = good;
  const std::string bad_name = " needs a name of 1 to 4096 bytes of UTF-8 without control characters";
  SECTION("without a name") {
    spec.name.clear();
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"model/\"" + bad_name);
  }
  SECTION("with a name that is too long") {
    spec.name.assign(kMaxNameBytes, 'x');
    REQUIRE_NOTHROW(check_spec(spec));
    spec.name += 'x';
    REQUIRE(spec_failure(spec).ends_with(bad_name));
  }
  SECTION("with a line break in the name") {
    spec.name = "a\nb";
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"model/a\\x0ab\"" + bad_name);
  }
  SECTION("of an unknown section") {
    spec.section = static_cast<Section>(5);
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"unknown/w\" is in no known section (5)");
  }
  SECTION("of an unknown dtype") {
    spec.dtype = static_cast<DType>(22);
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"model/w\" has no known dtype (22)");
  }
  SECTION("with a negative size") {
    spec.shape = {3, -1};
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"model/w\" has a negative size in its shape");
  }
  SECTION("with 65 dimensions") {
    spec.shape.assign(64, 1);
    REQUIRE_NOTHROW(check_spec(spec));
    spec.shape.push_back(1);
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"model/w\" has 65 dimensions; at most 64 are kept");
  }
  SECTION("of an alias that is no name") {
    spec.alias_of = "\x01";
    REQUIRE(spec_failure(spec) == "invalid_argument: entry \"model/w\" is an alias of something that is no name");
  }
}

TEST_CASE("shapes whose bytes do not fit in 63 bits are refused, unless they hold nothing") {
  EntrySpec spec{Section::model, "w", DType::float32, {}, ""};
  const std::string what = "invalid_argument: entry \"model/w\" has a shape of more than 2^63 - 1 bytes";
  spec.shape = {INT64_MAX};
  REQUIRE(spec_failure(spec) == what);
  spec.shape = {std::int64_t{1} << 61};
  REQUIRE(spec_failure(spec) == what);
  spec.shape = {std::int64_t{1} << 32, std::int64_t{1} << 32};
  REQUIRE(spec_failure(spec) == what);
  spec.shape = {(std::int64_t{1} << 61) - 1};
  REQUIRE_NOTHROW(check_spec(spec));
  spec.shape = {INT64_MAX, INT64_MAX, 0};
  REQUIRE_NOTHROW(check_spec(spec));
}

TEST_CASE("entries that do not agree with each other are refused by name") {
  Manifest manifest = small_manifest();
  auto& entries = manifest.entries;
  SECTION("a name twice") {
    entries[3] = entries[0];
    REQUIRE(encode_failure(manifest) == "invalid_argument: entry \"model/w\" is there twice");
  }
  SECTION("an alias of what is not there") {
    entries[3].spec.alias_of = "v";
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"model/tied\" is an alias of \"v\", which no earlier entry is");
  }
  SECTION("an alias of a later entry") {
    std::swap(entries[0], entries[3]);
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"model/tied\" is an alias of \"w\", which no earlier entry is");
  }
  SECTION("an alias of itself") {
    entries[3].spec.alias_of = "tied";
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"model/tied\" is an alias of \"tied\", which no earlier entry is");
  }
  SECTION("an alias of an entry of another section") {
    entries[3].spec.section = Section::extra;
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"extra/tied\" is an alias of \"w\", which no earlier entry is");
  }
  SECTION("an alias of an alias") {
    entries.push_back(entries[3]);
    entries[4].spec.name = "again";
    entries[4].spec.alias_of = "tied";
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"model/again\" is an alias of \"tied\", which is an alias itself");
  }
  SECTION("an alias of another shape") {
    entries[3].spec.shape = {3, 2};
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"model/tied\" differs in dtype or shape from \"w\", whose alias it is");
  }
  SECTION("an alias of another dtype") {
    entries[3].spec.dtype = DType::int32;
    REQUIRE(encode_failure(manifest) ==
            "invalid_argument: entry \"model/tied\" differs in dtype or shape from \"w\", whose alias it is");
  }
  SECTION("an alias with chunks") {
    entries[3].chunks = entries[0].chunks;
    REQUIRE(encode_failure(manifest) == "invalid_argument: entry \"model/tied\" is an alias and has chunks of its own");
  }
  SECTION("a chunk too few") {
    entries[0].chunks.pop_back();
    REQUIRE(encode_failure(manifest) == "invalid_argument: entry \"model/w\" has 1 chunks instead of 2");
  }
}

TEST_CASE("one name may stand in two sections") {
  Manifest manifest = small_manifest();
  manifest.entries[1].spec.name = "w";
  REQUIRE(decode_manifest(encode(manifest)) == manifest);
}

TEST_CASE("chunks of 1 byte to 64 MiB are possible") {
  REQUIRE(encode_failure({0, {}}) ==
          "invalid_argument: the manifest has chunks of 0 bytes; 1 byte to 64 MiB are possible");
  REQUIRE_NOTHROW(encode(Manifest{kMaxPayload, {}}));
  REQUIRE(encode_failure({kMaxPayload + 1, {}}) ==
          "invalid_argument: the manifest has chunks of 67108865 bytes; 1 byte to 64 MiB are possible");
}

TEST_CASE("a manifest that no frame can hold asks for larger chunks") {
  const std::int64_t chunks = 4200000;
  Manifest manifest{1, {{{Section::model, "w", DType::uint8, {chunks}, ""}, {}}}};
  manifest.entries[0].chunks.resize(static_cast<std::size_t>(chunks));
  REQUIRE(encode_failure(manifest) ==
          "invalid_argument: the list of entries and chunks is longer than 64 MiB; use larger chunks");
}

#include "store/format/frame.h"

#include <cstring>
#include <functional>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/digest.h"
#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

const Uuid kPack = *Uuid::from_hex("000102030405060708090a0b0c0d0e0f");
const Uuid kStore = *Uuid::from_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const BlobHash kHash = *BlobHash::from_hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
const FrameHeader kFrame{FrameKind::chunk, Codec::planes, 0x1234, 0x0fed, kHash};
constexpr std::uint64_t kOffset = 0x10ffc0;

const std::string kPackPlace = "the header of the pack";
const std::string kFramePlace = "the frame header at offset 1114048 of pack 000102030405060708090a0b0c0d0e0f.pack";

/// Writes `value` at `at` and makes the checksum right again.
HeaderBytes forge(HeaderBytes header, std::size_t at, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) header[at + i] = static_cast<std::byte>(value >> (8 * i));
  const std::uint64_t sum = checksum(std::span(header).first(56));
  for (std::size_t i = 0; i < 8; ++i) header[56 + i] = static_cast<std::byte>(sum >> (8 * i));
  return header;
}

std::string frame_failure(const HeaderBytes& header) {
  return failure_of([&] { decode_frame_header(header, kPack, kOffset); });
}

std::string pack_failure(const HeaderBytes& header) {
  return failure_of([&] { decode_pack_header(header); });
}

}  // namespace

TEST_CASE("a pack's header has the bytes that the document gives it") {
  REQUIRE(to_hex(encode(PackHeader{kPack, kStore})) ==
          "4c475041434b0d0a"                  // magic
          "01000000"                          // version
          "00000000"                          // flags
          "000102030405060708090a0b0c0d0e0f"  // pack
          "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"  // store
          "0000000000000000"                  // reserved
          "565591f9ce6dde14");                // checksum
}

TEST_CASE("a frame's header has the bytes that the document gives it") {
  REQUIRE(to_hex(encode(kFrame, kPack, kOffset)) ==
          "4c474652"                          // magic
          "0100"                              // version
          "01"                                // kind
          "02"                                // codec
          "3412000000000000"                  // raw bytes
          "ed0f000000000000"                  // stored bytes
          "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"  // hash
          "0001020304050607"                  // pack
          "c0ff100000000000"                  // offset
          "d12b8537feba4aac");                // checksum
}

TEST_CASE("headers come back as they went in") {
  const PackHeader pack = decode_pack_header(encode(PackHeader{kPack, kStore}));
  REQUIRE(pack.pack == kPack);
  REQUIRE(pack.store == kStore);
  const auto kind = GENERATE(FrameKind::chunk, FrameKind::manifest, FrameKind::record);
  const auto codec = GENERATE(Codec::raw, Codec::zstd, Codec::planes);
  const FrameHeader frame{kind, codec, kMaxPayload, codec == Codec::raw ? kMaxPayload : 1, kHash};
  const FrameHeader back = decode_frame_header(encode(frame, kPack, 64), kPack, 64);
  REQUIRE(back.kind == kind);
  REQUIRE(back.codec == codec);
  REQUIRE(back.raw_bytes == frame.raw_bytes);
  REQUIRE(back.stored_bytes == frame.stored_bytes);
  REQUIRE(back.hash == kHash);
}

TEST_CASE("a header that is cut anywhere is damaged") {
  const HeaderBytes frame = encode(kFrame, kPack, kOffset);
  const HeaderBytes pack = encode(PackHeader{kPack, kStore});
  for (std::size_t size = 0; size < kHeaderBytes; ++size) {
    const std::string what = " is damaged: it ends after " + std::to_string(size) + " of 64 bytes";
    REQUIRE(failure_of([&] { decode_frame_header(std::span(frame).first(size), kPack, kOffset); }) ==
            "corruption: " + kFramePlace + what);
    REQUIRE(failure_of([&] { decode_pack_header(std::span(pack).first(size)); }) == "corruption: " + kPackPlace + what);
  }
}

TEST_CASE("a flip of any bit of a header is found") {
  const HeaderBytes frame = encode(kFrame, kPack, kOffset);
  const HeaderBytes pack = encode(PackHeader{kPack, kStore});
  for (std::size_t bit = 0; bit < 8 * kHeaderBytes; ++bit) {
    const auto flip = [bit](HeaderBytes header) {
      header[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
      return header;
    };
    CAPTURE(bit);
    const std::string frame_magic =
        "corruption: " + kFramePlace + " is damaged: it does not begin with its magic bytes";
    const std::string frame_sum = "corruption: " + kFramePlace + " is damaged: its checksum does not match";
    REQUIRE(frame_failure(flip(frame)) == (bit < 32 ? frame_magic : frame_sum));
    const std::string pack_magic = "corruption: " + kPackPlace + " is damaged: it does not begin with its magic bytes";
    const std::string pack_sum = "corruption: " + kPackPlace + " is damaged: its checksum does not match";
    REQUIRE(pack_failure(flip(pack)) == (bit < 64 ? pack_magic : pack_sum));
  }
}

TEST_CASE("each field of a frame's header is checked behind its checksum") {
  struct Case {
    std::size_t at;
    std::uint64_t value;
    std::size_t count;
    std::string what;
  };
  const auto [at, value, count, what] = GENERATE(values<Case>({
      {4, 0, 2, "there is no version 0"},
      {6, 0, 1, "there is no frame kind 0"},
      {6, 4, 1, "there is no frame kind 4"},
      {7, 3, 1, "there is no codec 3"},
      {7, 0, 1, "a raw payload is stored in another length"},
      {8, kMaxPayload + 1, 8, "its payload is longer than 64 MiB"},
      {16, kMaxPayload + 1, 8, "its payload is longer than 64 MiB"},
      {16, UINT64_MAX, 8, "its payload is longer than 64 MiB"},
      {40, 0xff, 1, "it belongs to another pack"},
      {48, 64, 8, "it belongs at offset 64"},
  }));
  CAPTURE(at, value);
  REQUIRE(frame_failure(forge(encode(kFrame, kPack, kOffset), at, value, count)) ==
          "corruption: " + kFramePlace + " is damaged: " + what);
}

TEST_CASE("headers of a newer format say who wrote them") {
  REQUIRE(frame_failure(forge(encode(kFrame, kPack, kOffset), 4, 2, 2)) ==
          "unsupported_version: " + kFramePlace +
              " was written by a newer Lastgood (frame version 2); read it with that version");
  const HeaderBytes pack = encode(PackHeader{kPack, kStore});
  REQUIRE(pack_failure(forge(pack, 8, 7, 4)) ==
          "unsupported_version: " + kPackPlace +
              " was written by a newer Lastgood (pack version 7); read it with that version");
  REQUIRE(pack_failure(forge(pack, 12, 1, 4)) ==
          "unsupported_version: " + kPackPlace +
              " was written by a newer Lastgood (unknown flags); read it with that version");
}

TEST_CASE("a pack's version is never 0 and its reserved bytes are zero") {
  const HeaderBytes pack = encode(PackHeader{kPack, kStore});
  REQUIRE(pack_failure(forge(pack, 8, 0, 4)) == "corruption: " + kPackPlace + " is damaged: there is no version 0");
  REQUIRE(pack_failure(forge(pack, 48, 1, 8)) ==
          "corruption: " + kPackPlace + " is damaged: its reserved bytes are not zero");
}

TEST_CASE("a frame names the pack that it was read from") {
  const Error error = error_of([] { decode_frame_header(encode(kFrame, kPack, kOffset), kStore, kOffset); });
  REQUIRE(error.code() == ErrorCode::corruption);
  REQUIRE(error.subject() == kStore.hex() + ".pack");
}

TEST_CASE("only a frame's magic looks like a frame") {
  REQUIRE(looks_like_frame(encode(kFrame, kPack, kOffset)));
  REQUIRE_FALSE(looks_like_frame(encode(PackHeader{kPack, kStore})));
  REQUIRE_FALSE(looks_like_frame(Bytes(64)));
  REQUIRE_FALSE(looks_like_frame(from_text("LGF")));
}

TEST_CASE("frames lie at multiples of 64 and large payloads at multiples of 4096") {
  REQUIRE(place_frame(64, 1) == 64);
  REQUIRE(place_frame(65, 1) == 128);
  REQUIRE(place_frame(64, kLargePayload - 1) == 64);
  REQUIRE(place_frame(64, kLargePayload) == 4096 - 64);
  REQUIRE(place_frame(4096 - 64, kLargePayload) == 4096 - 64);
  REQUIRE(place_frame(4096 - 63, kLargePayload) == 8192 - 64);
  REQUIRE(frame_end(64, 0) == 128);
  REQUIRE(frame_end(64, 1) == 192);
  REQUIRE(frame_end(64, 64) == 192);
}

TEST_CASE("frames placed one after the other never overlap, nor leave more than a block between them") {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::uint64_t end = kHeaderBytes;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t stored = random() % 2 == 0 ? random() % 1000 : random() % (1u << 20);
    const std::uint64_t offset = place_frame(end, stored);
    REQUIRE(offset >= end);
    REQUIRE(offset - end < kPayloadAlignment);
    REQUIRE(offset % kFrameAlignment == 0);
    if (stored >= kLargePayload) REQUIRE((offset + kHeaderBytes) % kPayloadAlignment == 0);
    end = frame_end(offset, stored);
    REQUIRE(end >= offset + kHeaderBytes + stored);
  }
}

// FORMAT.md is what readers in other languages are written from: its numbers must be those of the code.
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/codec.h"
#include "store/format/frame.h"
#include "store/format/manifest.h"
#include "store/format/record.h"
#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using Catch::Matchers::Contains;

namespace {

const std::string& document() {
  static const std::string text = [] {
    std::ifstream file(LASTGOOD_SOURCE_DIR "/store/FORMAT.md");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return text;
}

/// What stands between one heading and the next.
std::string section(const std::string& heading) {
  const auto begin = document().find("\n" + heading + "\n");
  REQUIRE(begin != std::string::npos);
  return document().substr(begin, document().find("\n#", begin + heading.size()) - begin);
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

/// "4c 47 46": the first bytes of an encoding, as the document writes magic bytes.
template <class Range>
std::string spaced_hex(const Range& bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? " " : "") + test::to_hex(std::span(bytes).subspan(i, 1));
  return text;
}

}  // namespace

TEST_CASE("the document gives the magic bytes that are written") {
  CHECK_THAT(section("## Pack"), Contains("(" + spaced_hex(encode(PackHeader{}), 8) + ")"));
  CHECK_THAT(section("### Frame"), Contains("(" + spaced_hex(encode(FrameHeader{}, Uuid{}, 64), 4) + ")"));
  CHECK_THAT(section("## Manifest"), Contains("(" + spaced_hex(encode(Manifest{1, {}}), 8) + ")"));
}

TEST_CASE("the document lists kinds and codecs by their numbers") {
  const std::string text = section("### Frame");
  const auto row = [](auto code, const std::string& word) {
    return "\n| " + number(static_cast<std::uint64_t>(code)) + " | " + word;
  };
  CHECK_THAT(text, Contains(row(FrameKind::chunk, "chunk")));
  CHECK_THAT(text, Contains(row(FrameKind::manifest, "manifest")));
  CHECK_THAT(text, Contains(row(FrameKind::record, "record")));
  CHECK_THAT(text, Contains(row(Codec::raw, "raw")));
  CHECK_THAT(text, Contains(row(Codec::zstd, "zstd")));
  CHECK_THAT(text, Contains(row(Codec::planes, "planes")));
}

TEST_CASE("the document lists every dtype with its number, name and width, and no other") {
  const std::string text = section("## Manifest");
  unsigned code = 0;
  for (; element_bytes(static_cast<DType>(code)) != 0; ++code) {
    const auto dtype = static_cast<DType>(code);
    CHECK_THAT(text,
               Contains("| " + number(code) + " | " + to_string(dtype) + " | " + number(element_bytes(dtype)) + " |"));
  }
  CHECK_THAT(text, !Contains("| " + number(code) + " |"));
}

TEST_CASE("the document lists the sections by their numbers") {
  std::string list;
  for (unsigned code = 0; code <= static_cast<unsigned>(Section::extra); ++code) {
    list += (code > 0 ? ", " : "") + number(code) + " " + to_string(static_cast<Section>(code));
  }
  CHECK_THAT(section("## Manifest"), Contains("| " + list + " |"));
}

TEST_CASE("the document gives the words of the record") {
  const std::string text = section("## Record");
  std::string kinds;
  for (unsigned i = 0; i <= static_cast<unsigned>(CheckpointKind::imported); ++i) {
    kinds += (i > 0 ? ", `" : "`") + std::string(to_string(static_cast<CheckpointKind>(i))) + "`";
  }
  CHECK_THAT(text, Contains("| `kind` | " + kinds + " |"));
  std::string verdicts;
  for (unsigned i = 0; i <= static_cast<unsigned>(Stability::unstable); ++i) {
    verdicts += (i > 0 ? ", `" : "`") + std::string(to_string(static_cast<Stability>(i))) + "`";
  }
  CHECK_THAT(text, Contains("| `stability` | " + verdicts + ":"));
}

TEST_CASE("the document gives the limits that decoders enforce") {
  const std::string text = section("## Limits");
  CHECK_THAT(text, Contains("of a frame (so also a chunk, a manifest) | " + number(kMaxPayload) + " |"));
  CHECK_THAT(text, Contains("| entries of a manifest | " + number(kMaxEntries) + " |"));
  CHECK_THAT(text, Contains("| bytes of a name | " + number(kMaxNameBytes) + " |"));
  CHECK_THAT(text, Contains("| dimensions | " + number(kMaxDimensions) + " |"));
  CHECK_THAT(text, Contains("| bytes of a record | " + number(kMaxRecordBytes) + " |"));
  CHECK_THAT(text, Contains("| bytes of metadata | " + number(kMaxMetadataBytes) + " |"));
  CHECK_THAT(text, Contains("| levels of nested JSON | " + number(static_cast<std::uint64_t>(kMaxJsonDepth)) + " |"));
}

TEST_CASE("the document gives the alignment that writers keep") {
  const std::string text = section("### Frame");
  CHECK_THAT(text, Contains("Headers start at multiples of " + number(kFrameAlignment) + "."));
  CHECK_THAT(text, Contains("A payload of " + number(kLargePayload) + " stored bytes or more starts at a multiple of " +
                            number(kPayloadAlignment)));
}

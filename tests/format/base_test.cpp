#include <algorithm>
#include <set>
#include <string>
#include <type_traits>

#include <lastgood/checkpoint.h>
#include <lastgood/command_line.h>
#include <lastgood/error.h>
#include <lastgood/ids.h>
#include <lastgood/tensor.h>
#include <catch2/catch.hpp>

using namespace lastgood;

TEST_CASE("a hash is written as 32 lower-case digits and read back") {
  BlobHash hash;
  for (std::size_t i = 0; i < hash.bytes.size(); ++i) hash.bytes[i] = static_cast<std::uint8_t>(i * 17);
  REQUIRE(hash.hex() == "00112233445566778899aabbccddeeff");
  REQUIRE(BlobHash::from_hex(hash.hex()) == hash);
  REQUIRE(BlobHash::from_hex("00112233445566778899AABBCCDDEEFF") == hash);
}

TEST_CASE("a command line that a message names can be pasted into a shell, whatever the store is called") {
  CHECK(command_line("/data/run-1.lastgood", "rebuild") == "lastgood --store /data/run-1.lastgood rebuild");
  CHECK(command_line("my store", "verify") == "lastgood --store 'my store' verify");
  CHECK(command_line("it's", "rebuild") == "lastgood --store 'it'\\''s' rebuild");
  CHECK(command_line("", "rebuild") == "lastgood --store '' rebuild");
}

TEST_CASE("what is not 32 hexadecimal digits is no hash") {
  const std::string text = GENERATE(
      as<std::string>(), "", "00", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeeff0",
      "0x112233445566778899aabbccddeeff", "g0112233445566778899aabbccddeeff", "+0112233445566778899aabbccddeeff",
      "-1112233445566778899aabbccddeeff", " 0112233445566778899aabbccddeeff", "0 112233445566778899aabbccddeeff");
  CAPTURE(text);
  REQUIRE_FALSE(BlobHash::from_hex(text).has_value());
}

TEST_CASE("hashes are ordered as their text is") {
  const auto low = BlobHash::from_hex("00000000000000000000000000000080");
  const auto high = BlobHash::from_hex("80000000000000000000000000000000");
  REQUIRE(*low < *high);
  REQUIRE(low->hex() < high->hex());
}

TEST_CASE("ids of one kind do not turn into those of another") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<CheckpointId, RunId>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<SessionId, RunId>);
  REQUIRE(CheckpointId{7} < CheckpointId{8});
}

TEST_CASE("every dtype has a name of its own, a size, and the way back") {
  std::set<std::string> names;
  for (int code = 0; code <= 21; ++code) {
    const auto dtype = static_cast<DType>(code);
    CAPTURE(code);
    REQUIRE(element_bytes(dtype) >= 1);
    REQUIRE(names.insert(to_string(dtype)).second);
    REQUIRE(dtype_from_string(to_string(dtype)) == dtype);
  }
}

TEST_CASE("dtypes have the widths that frameworks give them") {
  REQUIRE(element_bytes(DType::boolean) == 1);
  REQUIRE(element_bytes(DType::bfloat16) == 2);
  REQUIRE(element_bytes(DType::float32) == 4);
  REQUIRE(element_bytes(DType::complex32) == 4);
  REQUIRE(element_bytes(DType::int64) == 8);
  REQUIRE(element_bytes(DType::complex128) == 16);
  REQUIRE(element_bytes(DType::float8_e5m2fnuz) == 1);
}

TEST_CASE("a dtype that does not exist has no name, no size and no value") {
  REQUIRE(std::string(to_string(static_cast<DType>(22))) == "unknown");
  REQUIRE(element_bytes(static_cast<DType>(255)) == 0);
  REQUIRE_FALSE(dtype_from_string("float31").has_value());
  REQUIRE_FALSE(dtype_from_string("unknown").has_value());
}

TEST_CASE("sections are named as in SQL and on the command line") {
  const auto section = GENERATE(Section::model, Section::optimizer, Section::scheduler, Section::rng, Section::extra);
  REQUIRE(section_from_string(to_string(section)) == section);
  REQUIRE_FALSE(section_from_string("Model").has_value());
  REQUIRE(std::string(to_string(static_cast<Section>(5))) == "unknown");
}

TEST_CASE("an entry's bytes are its elements times their width") {
  REQUIRE(EntrySpec{Section::model, "w", DType::float32, {3, 4}, ""}.byte_count() == 48);
  REQUIRE(EntrySpec{Section::model, "scalar", DType::float64, {}, ""}.byte_count() == 8);
  REQUIRE(EntrySpec{Section::model, "empty", DType::float64, {5, 0, 7}, ""}.byte_count() == 0);
}

TEST_CASE("an error carries code, subject, message and the system's number") {
  const Error error(ErrorCode::no_space, "/store/blobs/x.pack", "the disk is full", 28);
  REQUIRE(error.code() == ErrorCode::no_space);
  REQUIRE(error.subject() == "/store/blobs/x.pack");
  REQUIRE(std::string(error.what()) == "the disk is full");
  REQUIRE(error.os_error() == 28);
  const Error copy = error;
  REQUIRE(copy.subject() == error.subject());
}

TEST_CASE("codes, kinds and states print as the command's JSON names them") {
  REQUIRE(std::string(to_string(ErrorCode::unsupported_version)) == "unsupported_version");
  REQUIRE(std::string(to_string(ErrorCode::deadline_exceeded)) == "deadline_exceeded");
  REQUIRE(std::string(to_string(CheckpointKind::emergency)) == "emergency");
  REQUIRE(std::string(to_string(Stability::unstable)) == "unstable");
  REQUIRE(std::string(to_string(SessionState::crashed)) == "crashed");
}

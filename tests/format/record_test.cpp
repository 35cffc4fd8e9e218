#include "store/format/record.h"

#include <cmath>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/manifest.h"
#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

Record sample() {
  Record record;
  record.checkpoint = *Uuid::from_hex("000102030405060708090a0b0c0d0e0f");
  record.parent = Uuid::from_hex("101112131415161718191a1b1c1d1e1f");
  record.session = *Uuid::from_hex("202122232425262728292a2b2c2d2e2f");
  record.run = "demo";
  record.step = 4100;
  record.epoch = 2;
  record.kind = CheckpointKind::emergency;
  record.stability = Stability::stable;
  record.created_at_ms = 1700000000123;
  record.sequence = 17;
  record.manifest = *BlobHash::from_hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  record.bytes_new = 123456789;
  record.metrics = {{"grad_norm", 0.1}, {"loss", 2.5}};
  record.metadata = "{\"lr\": 3e-4}";
  return record;
}

const std::string kSampleText =
    R"({"bytes_new":123456789,"checkpoint":"000102030405060708090a0b0c0d0e0f","created_at_ms":1700000000123,)"
    R"("epoch":2,"format":1,"kind":"emergency","manifest":"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",)"
    R"("metadata":"{\"lr\": 3e-4}","metrics":{"grad_norm":0.1,"loss":2.5},)"
    R"("parent":"101112131415161718191a1b1c1d1e1f","run":"demo","sequence":17,)"
    R"("session":"202122232425262728292a2b2c2d2e2f","stability":"stable","step":4100})";

/// The sample's text with one part replaced.
std::string with(const std::string& part, const std::string& other) {
  std::string text = kSampleText;
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), other);
}

std::string failure(const std::string& text) {
  return failure_of([&] { decode_record(from_text(text)); });
}

std::string nested(int depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

const std::string kDamaged = "corruption: the record is damaged: ";

}  // namespace

TEST_CASE("a record is the JSON that the document gives it") {
  REQUIRE(encode(sample()) == from_text(kSampleText));
  REQUIRE(decode_record(from_text(kSampleText)) == sample());
}

TEST_CASE("the first checkpoint of a run has no parent") {
  Record record = sample();
  record.parent.reset();
  REQUIRE(decode_record(encode(record)) == record);
  REQUIRE(decode_record(from_text(with("\"101112131415161718191a1b1c1d1e1f\"", "null"))) == record);
}

TEST_CASE("finite metrics come back to the last bit") {
  const double value = GENERATE(0.0, -0.0, 1.0 / 3, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 1e23,
                                123456789012345678.0, 0.1f, 4.0);
  Record record = sample();
  record.metrics = {{"m", value}};
  const double back = decode_record(encode(record)).metrics.at(0).second;
  REQUIRE(back == value);
  REQUIRE(std::signbit(back) == std::signbit(value));
}

TEST_CASE("metrics that are no finite number survive") {
  Record record = sample();
  const double infinity = std::numeric_limits<double>::infinity();
  record.metrics = {{"a", std::nan("")}, {"b", infinity}, {"c", -infinity}};
  const auto back = decode_record(encode(record)).metrics;
  REQUIRE(back.size() == 3);
  REQUIRE(std::isnan(back[0].second));
  REQUIRE(back[1] == std::pair<std::string, double>("b", infinity));
  REQUIRE(back[2] == std::pair<std::string, double>("c", -infinity));
}

TEST_CASE("metadata comes back as it was given, spaces and digits included") {
  const std::string text = GENERATE(as<std::string>(), "{}", "{ \"x\" : 1.000, \"x\":2 }",
                                    "{\"s\":\"\\\"\xc3\xa9\\u0000\"}", "\n{\"big\":123456789012345678901234567890}\n");
  Record record = sample();
  record.metadata = text;
  REQUIRE(decode_record(encode(record)).metadata == text);
}

TEST_CASE("numbers at the ends of their ranges survive") {
  Record record = sample();
  record.step = INT64_MAX;
  record.epoch = INT64_MIN;
  record.created_at_ms = -1;
  record.bytes_new = INT64_MAX;
  REQUIRE(decode_record(encode(record)) == record);
}

TEST_CASE("every kind and every verdict has a word") {
  Record record = sample();
  record.kind =
      GENERATE(CheckpointKind::regular, CheckpointKind::emergency, CheckpointKind::manual, CheckpointKind::imported);
  record.stability = GENERATE(Stability::unknown, Stability::stable, Stability::unstable);
  REQUIRE(decode_record(encode(record)) == record);
}

TEST_CASE("keys that this version does not know are passed over") {
  REQUIRE(decode_record(from_text(with("{\"bytes_new\"", "{\"new\":[1,{\"x\":2}],\"bytes_new\""))) == sample());
}

TEST_CASE("a record of a newer format says who wrote it") {
  REQUIRE(failure(with("\"format\":1", "\"format\":2")) ==
          "unsupported_version: the record was written by a newer Lastgood (record format 2); read it with that "
          "version");
  REQUIRE(failure("{\"format\":2}").starts_with("unsupported_version"));
}

TEST_CASE("each field of a record is checked") {
  struct Case {
    std::string part;
    std::string other;
    std::string what;
  };
  const auto [part, other, what] = GENERATE(values<Case>({
      {"\"format\":1", "\"format\":0", "there is no format 0"},
      {"\"format\":1,", "", "\"format\" is missing"},
      {"\"format\":1", "\"format\":\"1\"", "\"format\" is no 64-bit integer"},
      {"0e0f", "0e0", "\"checkpoint\" is not 32 hexadecimal digits"},
      {"1e1f", "1e1g", "\"parent\" is not 32 hexadecimal digits"},
      {"\"101112131415161718191a1b1c1d1e1f\"", "5", "\"parent\" is no string"},
      {"2e2f", "", "\"session\" is not 32 hexadecimal digits"},
      {"aeaf", "aea", "\"manifest\" is not 32 hexadecimal digits"},
      {"\"demo\"", "7", "\"run\" is no string"},
      {"demo", "", "the run needs a name of 1 to 4096 bytes of UTF-8 without control characters"},
      {"demo", "\\n", "the run needs a name of 1 to 4096 bytes of UTF-8 without control characters"},
      {"4100", "-1", "the step is negative (-1)"},
      {"4100", "1.5", "\"step\" is no 64-bit integer"},
      {"4100", "9223372036854775808", "\"step\" is no 64-bit integer"},
      {"\"epoch\":2", "\"epoch\":true", "\"epoch\" is no 64-bit integer"},
      {"\"epoch\":2,", "", "\"epoch\" is missing"},
      {"emergency", "urgent", "\"kind\" is \"urgent\", which this format does not know"},
      {"\"stable\"", "\"fine\"", "\"stability\" is \"fine\", which this format does not know"},
      {"1700000000123", "null", "\"created_at_ms\" is no 64-bit integer"},
      {"\"sequence\":17", "\"sequence\":-17", "the sequence number is negative (-17)"},
      {"123456789", "-1", "\"bytes_new\" is negative"},
      {"{\"grad_norm\":0.1,\"loss\":2.5}", "[]", "\"metrics\" is no object"},
      {"0.1", "\"nan\"", "the metric \"grad_norm\" is no number"},
      {"0.1", "null", "the metric \"grad_norm\" is no number"},
      {"grad_norm", "", "the metric \"\" needs a name of 1 to 4096 bytes of UTF-8 without control characters"},
      {"\"{\\\"lr\\\": 3e-4}\"", "{}", "\"metadata\" is no string"},
      {"{\\\"lr\\\": 3e-4}", "[]", "the metadata is not a JSON object, or nested more than 64 levels deep"},
      {"{\\\"lr\\\": 3e-4}", "{", "the metadata is not a JSON object, or nested more than 64 levels deep"},
  }));
  CAPTURE(part, other);
  REQUIRE(failure(with(part, other)) == kDamaged + what);
}

TEST_CASE("what is not JSON is no record") {
  const std::string text =
      GENERATE(as<std::string>(), "", "null", "[]", "{", "{}}", "{\"format\":1e999}", "\xff", "{\"run\":\"\xc0\xaf\"}");
  REQUIRE(failure(text) == kDamaged + "it is not a JSON object, or nested more than 64 levels deep");
}

TEST_CASE("a record that is cut anywhere is damaged") {
  for (std::size_t size = 0; size < kSampleText.size(); ++size) {
    REQUIRE(failure(kSampleText.substr(0, size)).starts_with(kDamaged));
  }
}

TEST_CASE("JSON nested without bound is refused before it is built") {
  REQUIRE(decode_record(from_text(with("{\"bytes_new\"", "{\"x\":" + nested(62) + ",\"bytes_new\""))) == sample());
  REQUIRE(failure(with("{\"bytes_new\"", "{\"x\":" + nested(70) + ",\"bytes_new\"")).starts_with(kDamaged));
  REQUIRE(failure(std::string(1000000, '[')).starts_with(kDamaged));
  Record record = sample();
  record.metadata = "{\"x\":" + nested(100000) + "}";
  REQUIRE(failure_of([&] { check_record(record); }) ==
          "invalid_argument: the metadata is not a JSON object, or nested more than 64 levels deep");
}

TEST_CASE("records and metadata have a cap") {
  REQUIRE(failure(std::string(kMaxRecordBytes + 1, ' ')) == kDamaged + "it is longer than 4 MiB");
  Record record = sample();
  record.metadata = "{" + std::string(kMaxMetadataBytes - 2, ' ') + "}";
  REQUIRE(decode_record(encode(record)) == record);
  record.metadata += ' ';
  REQUIRE(failure_of([&] { encode(record); }) == "invalid_argument: the metadata is longer than 1 MiB");
  record.metadata = "{}";
  for (int i = 1000; i < 2200; ++i) record.metrics.emplace_back(std::to_string(i) + std::string(4000, 'x'), 1.0);
  record.metrics.erase(record.metrics.begin(), record.metrics.begin() + 2);
  REQUIRE(failure_of([&] { encode(record); }) ==
          "invalid_argument: metrics and metadata together take more than 4 MiB");
}

TEST_CASE("metrics are sorted and none is there twice") {
  Record record = sample();
  record.metrics = {{"b", 1.0}, {"a", 2.0}};
  REQUIRE(failure_of([&] { encode(record); }) == "invalid_argument: the metric \"a\" is out of order or there twice");
  record.metrics = {{"a", 1.0}, {"a", 2.0}};
  REQUIRE(failure_of([&] { encode(record); }) == "invalid_argument: the metric \"a\" is out of order or there twice");
}

TEST_CASE("what a caller must not ask for is refused before a byte is written") {
  Record record = sample();
  REQUIRE_NOTHROW(check_record(record));
  SECTION("kind") {
    record.kind = static_cast<CheckpointKind>(4);
  }
  SECTION("stability") {
    record.stability = static_cast<Stability>(3);
  }
  SECTION("step") {
    record.step = -5;
  }
  SECTION("run") {
    record.run = "\xff";
  }
  SECTION("bytes") {
    record.bytes_new = UINT64_MAX;
  }
  SECTION("metadata") {
    record.metadata = "{\"x\":\"\xff\"}";
  }
  REQUIRE(error_of([&] { check_record(record); }).code() == ErrorCode::invalid_argument);
  REQUIRE(error_of([&] { encode(record); }).code() == ErrorCode::invalid_argument);
}

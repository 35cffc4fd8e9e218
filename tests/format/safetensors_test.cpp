#include "store/format/safetensors.h"

#include <cstdint>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

const std::string kBad = "corruption: f is not a whole safetensors file: ";

/// A file as it is read: prefix, header, cover.
SafetensorsHeader decode_file(const Bytes& file) {
  const std::span<const std::byte> bytes(file);
  const auto length = safetensors_json_bytes(bytes.first(std::min<std::size_t>(file.size(), 16)), file.size(), "f");
  const auto json = bytes.subspan(kSafetensorsPrefix, static_cast<std::size_t>(length));
  return decode_safetensors(json, file.size() - kSafetensorsPrefix - length, "f");
}

/// The error of a header with so many bytes behind it.
std::string failure(const std::string& json, std::uint64_t buffer = 0) {
  return failure_of([&] { decode_safetensors(from_text(json), buffer, "f"); });
}

/// The error of one tensor "w" that is described like this.
std::string failure_of_tensor(const std::string& fields, std::uint64_t buffer = 4) {
  return failure("{\"w\":{" + fields + "}}", buffer);
}

std::string prefix_failure(const Bytes& first, std::uint64_t file_bytes) {
  return failure_of([&] { safetensors_json_bytes(first, file_bytes, "f"); });
}

std::string tensor(const std::string& name, std::uint64_t begin, std::uint64_t end) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(end - begin) + "],\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

/// A header of random tensors that lie one behind the other.
SafetensorsHeader random_header(std::mt19937& random) {
  SafetensorsHeader header;
  std::uint64_t end = 0;
  const auto count = random() % 6;
  for (std::size_t i = 0; i < count; ++i) {
    SafetensorsTensor tensor{.name = "größe \"\\ " + std::to_string(i), .shape = {}};
    do {
      tensor.dtype = static_cast<DType>(random() % 22);
    } while (!safetensors_dtype(tensor.dtype));
    tensor.bytes = element_bytes(tensor.dtype);
    for (std::size_t d = random() % 4; d > 0; --d) {
      tensor.shape.push_back(random() % 4);
      tensor.bytes *= static_cast<std::uint64_t>(tensor.shape.back());
    }
    tensor.begin = end;
    end += tensor.bytes;
    header.tensors.push_back(std::move(tensor));
  }
  for (std::size_t i = random() % 3; i > 0; --i) header.metadata["key " + std::to_string(i)] = "wörd\n\"";
  return header;
}

}  // namespace

TEST_CASE("a safetensors header has its length in front, and is padded with spaces to a multiple of eight") {
  const SafetensorsHeader header{{{"w", DType::float32, {2, 1}, 0, 8}}, {{"format", "pt"}}};
  const std::string json = R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})";
  REQUIRE(json.size() == 87);
  CHECK(to_hex(encode(header)) == "5800000000000000" + to_hex(from_text(json + " ")));
}

TEST_CASE("a header with neither tensors nor metadata is an empty object") {
  CHECK(to_hex(encode(SafetensorsHeader{})) == "0800000000000000" + to_hex(from_text("{}      ")));
}

TEST_CASE("a safetensors header of any tensors survives encoding and decoding") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const SafetensorsHeader header = random_header(random);
    Bytes file = encode(header);
    CHECK(file.size() % 8 == 0);
    if (!header.tensors.empty()) file.resize(file.size() + header.tensors.back().begin + header.tensors.back().bytes);
    const SafetensorsHeader decoded = decode_file(file);
    // Empty tensors lie where the next one begins; among those of one place, the order of the JSON counts.
    CHECK(decoded == header);
  }
}

TEST_CASE("every dtype that both sides have keeps its name, and those of Lastgood alone have none") {
  for (unsigned i = 0; i <= static_cast<unsigned>(DType::float8_e5m2fnuz); ++i) {
    const auto dtype = static_cast<DType>(i);
    const auto name = safetensors_dtype(dtype);
    const bool alone =
        dtype == DType::bytes || dtype == DType::json || dtype == DType::complex32 || dtype == DType::complex128;
    CAPTURE(to_string(dtype));
    CHECK(name.has_value() != alone);
    if (!name) continue;
    const std::uint64_t bytes = element_bytes(dtype);
    const auto decoded =
        decode_safetensors(from_text("{\"w\":{\"dtype\":\"" + std::string(*name) +
                                     "\",\"shape\":[],\"data_offsets\":[0," + std::to_string(bytes) + "]}}"),
                           bytes, "f");
    CHECK(decoded.tensors[0].dtype == dtype);
    CHECK(decoded.tensors[0].bytes == bytes);
  }
}

TEST_CASE("tensors are taken in the order of their bytes, whatever the order of the JSON") {
  const auto header = decode_safetensors(from_text("{" + tensor("b", 4, 9) + "," + tensor("a", 0, 4) + "} "), 9, "f");
  CHECK(header.tensors[0].name == "a");
  CHECK(header.tensors[1].name == "b");
}

TEST_CASE("a file whose beginning is no header's is refused, each kind with its own words") {
  const auto prefix = [](std::uint64_t length, const std::string& rest = "{}") {
    Bytes bytes;
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::byte>(length >> (8 * i) & 0xff));
    for (const char c : rest) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
  };
  CHECK(safetensors_json_bytes(prefix(2), 10, "f") == 2);
  CHECK(prefix_failure({}, 0) == kBad + "it has 0 bytes, less than the shortest header");
  CHECK(prefix_failure(from_hex("02 00 00"), 3) == kBad + "it has 3 bytes, less than the shortest header");
  CHECK(prefix_failure(prefix(100'000'001), 1'000'000'000) ==
        kBad + "its header would have 100000001 bytes, beyond the 100 MB cap");
  CHECK(prefix_failure(prefix(UINT64_MAX), 10) ==
        kBad + "its header would have 18446744073709551615 bytes, beyond the 100 MB cap");
  CHECK(prefix_failure(prefix(3), 10) == kBad + "its header would have 3 bytes, but only 2 follow");
  CHECK(prefix_failure(prefix(0, ""), 8) == kBad + "its header does not begin with \"{\"");
  CHECK(prefix_failure(prefix(2, " {}"), 11) == kBad + "its header does not begin with \"{\"");
}

TEST_CASE("what torch.save wrote is refused with the way to convert it") {
  const std::string advice =
      "invalid_argument: f was written by torch.save: a pickle, which can run any program when it is read, so Lastgood "
      "does not read it. If you trust it, convert its state_dict with Python:\n"
      "  import torch; from safetensors.torch import save_file\n"
      "  save_file(torch.load(\"f\", weights_only=True), \"model.safetensors\")";
  CHECK(prefix_failure(from_hex("50 4b 03 04 00 00 08 08 00 00"), 1000) == advice);
  CHECK(prefix_failure(from_hex("80 02 8a 0a 6c fc 9c 46 f9 20"), 1000) == advice);
  CHECK(prefix_failure(from_hex("80 02 7d 71"), 4) == advice);
  // A header of 640 bytes begins as a pickle does.
  CHECK(safetensors_json_bytes(from_hex("80 02 00 00 00 00 00 00 7b"), 1000, "f") == 640);
}

TEST_CASE("a header that is no JSON, or JSON of another form, is refused") {
  CHECK(failure("{") == kBad + "its header is no valid JSON, from byte 2 on");
  CHECK(failure("{}x") == kBad + "its header is no valid JSON, from byte 3 on");
  CHECK(failure("{\"\xff\":1}") == kBad + "its header is no valid JSON, from byte 3 on");
  CHECK(failure("[]") == kBad + "its header is not a JSON object");
  CHECK(failure("{\"w\":1}") == kBad + "\"w\" is described by something else than an object");
  CHECK(failure("{\"__metadata__\":[]}") == kBad + "\"__metadata__\" is described by something else than an object");
  CHECK(failure("{\"__metadata__\":{\"k\":1}}") == kBad + "the metadata \"k\" is not a string");
  CHECK(failure("{\"__metadata__\":{\"k\":{}}}") == kBad + "the metadata \"k\" is not a string");
  CHECK(failure("{\"w\":{\"dtype\":{}}}") == kBad + "the tensor \"w\" has a \"dtype\" of another type");
}

TEST_CASE("keys that are there twice are refused, in the header, in the metadata and in a tensor") {
  CHECK(failure("{" + tensor("w", 0, 1) + "," + tensor("w", 1, 2) + "}", 2) == kBad + "\"w\" is there twice");
  CHECK(failure("{\"__metadata__\":{},\"__metadata__\":{}}") == kBad + "\"__metadata__\" is there twice");
  CHECK(failure("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}") == kBad + "the metadata \"k\" is there twice");
  CHECK(failure_of_tensor("\"dtype\":\"U8\",\"dtype\":\"U8\"") == kBad + "the tensor \"w\" has its \"dtype\" twice");
}

TEST_CASE("a tensor that is not fully described is refused by name") {
  const std::string rest = ",\"shape\":[4],\"data_offsets\":[0,4]";
  CHECK(failure_of_tensor("") == kBad + "the tensor \"w\" has no \"dtype\"");
  CHECK(failure_of_tensor("\"dtype\":\"U8\",\"data_offsets\":[0,4]") == kBad + "the tensor \"w\" has no \"shape\"");
  CHECK(failure_of_tensor("\"dtype\":\"U8\",\"shape\":[4]") == kBad + "the tensor \"w\" has no \"data_offsets\"");
  CHECK(failure_of_tensor("\"kind\":1") == kBad + "the tensor \"w\" has an unknown field \"kind\"");
  CHECK(failure_of_tensor("\"dtype\":8" + rest) == kBad + "the tensor \"w\" has a \"dtype\" of another type");
  CHECK(failure_of_tensor("\"shape\":4") == kBad + "the tensor \"w\" has a \"shape\" of another type");
  CHECK(failure_of_tensor("\"shape\":[-4]") == kBad + "the shape of the tensor \"w\" is not a list of sizes");
  CHECK(failure_of_tensor("\"shape\":[[4]]") == kBad + "the shape of the tensor \"w\" is not a list of sizes");
  CHECK(failure_of_tensor("\"data_offsets\":[4]") == kBad + "the data_offsets of the tensor \"w\" are not two numbers");
  CHECK(failure_of_tensor("\"data_offsets\":[0,2,4]") ==
        kBad + "the data_offsets of the tensor \"w\" are not two numbers");
}

TEST_CASE("a dtype that Lastgood does not have is named") {
  for (const char* dtype : {"F4", "F6_E2M3", "F8_E8M0", "Q8", "f32", ""}) {
    CHECK(failure_of_tensor("\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[8],\"data_offsets\":[0,4]") ==
          "unsupported_version: f: the tensor \"w\" is of dtype \"" + std::string(dtype) +
              "\", which Lastgood does not have; convert it to another");
  }
}

TEST_CASE("sizes that overflow, and sizes that the offsets do not have, are refused") {
  const std::string huge = "4294967296";
  CHECK(failure_of_tensor("\"dtype\":\"U8\",\"shape\":[" + huge + "," + huge + "],\"data_offsets\":[0,0]") ==
        kBad + "the shape of the tensor \"w\" asks for more than 2^63 bytes");
  CHECK(failure_of_tensor("\"dtype\":\"F64\",\"shape\":[9223372036854775807],\"data_offsets\":[0,0]") ==
        kBad + "the shape of the tensor \"w\" asks for more than 2^63 bytes");
  CHECK(failure_of_tensor("\"shape\":[9223372036854775808]") ==
        kBad + "the tensor \"w\" has a size beyond 63 bits, or more than 64 dimensions");
  CHECK(failure_of_tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,3]") ==
        kBad + "the tensor \"w\" takes 3 bytes, but its dtype and shape ask for 4");
  CHECK(failure_of_tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]") ==
        kBad + "the tensor \"w\" ends before it begins");
  std::string deep = "1";
  for (int i = 0; i < 64; ++i) deep += ",1";
  CHECK(failure_of_tensor("\"shape\":[" + deep + "]") ==
        kBad + "the tensor \"w\" has a size beyond 63 bits, or more than 64 dimensions");
}

TEST_CASE("tensors must cover what follows the header, without holes, overlaps or a rest") {
  CHECK(failure("{" + tensor("a", 1, 4) + "}", 4) == kBad + "there is a hole of 1 bytes before the tensor \"a\"");
  CHECK(failure("{" + tensor("a", 0, 2) + "," + tensor("b", 3, 4) + "}", 4) ==
        kBad + "there is a hole of 1 bytes before the tensor \"b\"");
  CHECK(failure("{" + tensor("a", 0, 3) + "," + tensor("b", 2, 4) + "}", 4) ==
        kBad + "the tensor \"b\" overlaps the one before it");
  CHECK(failure("{" + tensor("a", 0, 3) + "}", 4) == kBad + "1 bytes follow the last tensor");
  CHECK(failure("{}", 1) == kBad + "1 bytes follow the last tensor");
  CHECK(failure("{" + tensor("a", 0, 8) + "}", 4) == kBad + "it ends within the tensor \"a\", 4 bytes short");
}

TEST_CASE("a header beyond 100 MB is not written") {
  const SafetensorsHeader header{{}, {{"k", std::string(100'000'000, 'x')}}};
  CHECK(failure_of([&] { encode(header); }) ==
        "invalid_argument: the names and shapes of all tensors take more than the 100 MB that a safetensors header may "
        "have; export one section alone");
}

// Checks go from cheap to costly: the length before the JSON is read, the JSON before how the tensors lie, and no byte
// of a tensor at all. What passes can be read by offset without another look.
#include "store/format/safetensors.h"

#include <algorithm>
#include <array>
#include <utility>

#include <lastgood/error.h>
#include <nlohmann/json.hpp>

#include "store/format/bytes.h"
#include "store/format/safetensors_reader.h"
#include "store/format/text.h"

namespace lastgood::format {
namespace {

// Names as the reference implementation spells them. Four dtypes of ours have none: bytes, json, complex32 and
// complex128.
constexpr std::array<std::pair<DType, std::string_view>, 18> kNames = {{
    {DType::boolean, "BOOL"},
    {DType::uint8, "U8"},
    {DType::int8, "I8"},
    {DType::uint16, "U16"},
    {DType::int16, "I16"},
    {DType::uint32, "U32"},
    {DType::int32, "I32"},
    {DType::uint64, "U64"},
    {DType::int64, "I64"},
    {DType::float16, "F16"},
    {DType::bfloat16, "BF16"},
    {DType::float32, "F32"},
    {DType::float64, "F64"},
    {DType::complex64, "C64"},
    {DType::float8_e4m3fn, "F8_E4M3"},
    {DType::float8_e5m2, "F8_E5M2"},
    {DType::float8_e4m3fnuz, "F8_E4M3FNUZ"},
    {DType::float8_e5m2fnuz, "F8_E5M2FNUZ"},
}};

// As the reference implementation pads it, so that the tensors begin at a multiple of 8.
constexpr std::size_t kAlignment = 8;

/// As JSON, with what it escapes escaped.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

/// As text of our own, so that the fields stand in the usual order and nothing is between them.
std::string described(const SafetensorsTensor& tensor) {
  return "{\"dtype\":\"" + std::string(safetensors_dtype(tensor.dtype).value()) +
         "\",\"shape\":" + nlohmann::json(tensor.shape).dump() + ",\"data_offsets\":[" + std::to_string(tensor.begin) +
         "," + std::to_string(tensor.begin + tensor.bytes) + "]}";
}

/// A zip archive, or a bare pickle of protocol 2 to 5. No safetensors file: in one, the ninth byte is "{".
bool is_from_torch_save(std::span<const std::byte> first) {
  constexpr std::array kZip = {std::byte{'P'}, std::byte{'K'}, std::byte{3}, std::byte{4}};
  if (first.size() < kZip.size() ||
      (first.size() > kSafetensorsPrefix && first[kSafetensorsPrefix] == std::byte{'{'})) {
    return false;
  }
  const bool pickle = first[0] == std::byte{0x80} && first[1] >= std::byte{2} && first[1] <= std::byte{5};
  return pickle || std::ranges::equal(first.first(kZip.size()), kZip);
}

/// The reference decoder takes them in any order of the JSON, so only the order of the bytes counts.
void check_cover(std::vector<SafetensorsTensor>& tensors, std::uint64_t buffer_bytes, const std::string& subject) {
  // By length, too: a tensor without bytes begins where its successor does, and must come before it.
  std::ranges::stable_sort(tensors, {}, [](const SafetensorsTensor& t) { return std::pair(t.begin, t.bytes); });
  std::uint64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.begin > end) {
      throw_bad_safetensors(subject, "there is a hole of " + std::to_string(tensor.begin - end) +
                                         " bytes before the tensor " + in_quotes(tensor.name));
    }
    if (tensor.begin < end) {
      throw_bad_safetensors(subject, "the tensor " + in_quotes(tensor.name) + " overlaps the one before it");
    }
    // end <= buffer_bytes holds here, so nothing wraps around.
    if (tensor.bytes > buffer_bytes - end) {
      throw_bad_safetensors(subject, "it ends within the tensor " + in_quotes(tensor.name) + ", " +
                                         std::to_string(tensor.bytes - (buffer_bytes - end)) + " bytes short");
    }
    end += tensor.bytes;
  }
  if (end != buffer_bytes) {
    throw_bad_safetensors(subject, std::to_string(buffer_bytes - end) + " bytes follow the last tensor");
  }
}

}  // namespace

std::optional<std::string_view> safetensors_dtype(DType dtype) noexcept {
  for (const auto& [known, name] : kNames) {
    if (known == dtype) return name;
  }
  return std::nullopt;
}

/// Not through a tree of JSON, which would sort the tensors by name instead of by place.
std::vector<std::byte> encode(const SafetensorsHeader& header) {
  std::string json = "{";
  if (!header.metadata.empty()) json += "\"__metadata__\":" + nlohmann::json(header.metadata).dump();
  for (const SafetensorsTensor& tensor : header.tensors) {
    if (json.size() > 1) json += ",";
    json += quoted(tensor.name) + ":" + described(tensor);
  }
  json += "}";
  json.append((kAlignment - json.size() % kAlignment) % kAlignment, ' ');
  if (json.size() > kMaxSafetensorsHeader) {
    throw Error(ErrorCode::invalid_argument, "safetensors",
                "the names and shapes of all tensors take more than the 100 MB that a safetensors header may have; "
                "export one section alone");
  }
  ByteWriter out;
  out.put(std::uint64_t{json.size()});
  out.put_bytes(std::as_bytes(std::span(json)));
  return std::move(out).release();
}

/// From cheap to costly, and nothing is read beyond `first`: the file's size bounds the length before anybody allocates
/// by it.
std::uint64_t safetensors_json_bytes(std::span<const std::byte> first, std::uint64_t file_bytes,
                                     const std::string& subject) {
  // Before the length is looked at, which in a pickle or an archive is nonsense: the user hears what the file is.
  if (is_from_torch_save(first)) {
    throw Error(ErrorCode::invalid_argument, subject,
                subject +
                    " was written by torch.save: a pickle, which can run any program when it is read, so Lastgood does "
                    "not read it. If you trust it, convert its state_dict with Python:\n"
                    "  import torch; from safetensors.torch import save_file\n"
                    "  save_file(torch.load(\"" +
                    subject + "\", weights_only=True), \"model.safetensors\")");
  }
  if (first.size() < kSafetensorsPrefix || file_bytes < kSafetensorsPrefix) {
    throw_bad_safetensors(subject, "it has " + std::to_string(file_bytes) + " bytes, less than the shortest header");
  }
  const auto length = ByteReader(first, subject).take<std::uint64_t>();
  if (length > kMaxSafetensorsHeader) {
    throw_bad_safetensors(subject, "its header would have " + std::to_string(length) + " bytes, beyond the 100 MB cap");
  }
  if (length > file_bytes - kSafetensorsPrefix) {
    throw_bad_safetensors(subject, "its header would have " + std::to_string(length) + " bytes, but only " +
                                       std::to_string(file_bytes - kSafetensorsPrefix) + " follow");
  }
  if (length == 0 || first[kSafetensorsPrefix] != std::byte{'{'}) {
    throw_bad_safetensors(subject, "its header does not begin with \"{\"");
  }
  return length;
}

SafetensorsHeader decode_safetensors(std::span<const std::byte> json, std::uint64_t buffer_bytes,
                                     const std::string& subject) {
  SafetensorsReader reader(subject);
  const std::string_view text(reinterpret_cast<const char*>(json.data()), json.size());
  if (!nlohmann::json::sax_parse(text, &reader)) throw_bad_safetensors(subject, "its header is no valid JSON");
  SafetensorsHeader header = std::move(reader).release();
  check_cover(header.tensors, buffer_bytes, subject);
  return header;
}

}  // namespace lastgood::format

// The header of a safetensors file: 8 bytes that tell its length, then JSON, then the tensors' bytes.
//
//   { "__metadata__": {"key": "value"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ... }
//
// The length is little-endian and counts the JSON with its padding (spaces); offsets count from the end of the header.
// Grammar: the "Format" section of the safetensors README, and its reference decoder (version 0.8) where that is
// stricter: the tensors cover the bytes behind the header from the first to the last, without holes and overlaps.
// No I/O. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lastgood/tensor.h>

namespace lastgood::format {

inline constexpr std::size_t kSafetensorsPrefix = 8;
/// The reference decoder's own cap.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::uint8;  // one for which safetensors_dtype() has a name
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // from the end of the header
  std::uint64_t bytes = 0;  // what dtype and shape ask for
  bool operator==(const SafetensorsTensor&) const = default;
};

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  bool operator==(const SafetensorsHeader&) const = default;
};

/// "F32"; nothing for what the format does not have.
std::optional<std::string_view> safetensors_dtype(DType dtype) noexcept;

/// The file's first bytes: length and JSON, padded to a multiple of 8. REQUIRES: bytes and begin of the tensors are
/// right. Throws Error(invalid_argument) where the JSON exceeds the cap.
std::vector<std::byte> encode(const SafetensorsHeader& header);

/// The length of the JSON, from the first bytes of a file (at least 9, where it has so many) of `file_bytes`.
/// `subject` names the file in errors. Throws Error(corruption), and Error(invalid_argument) for what torch.save wrote,
/// with the way to convert it.
std::uint64_t safetensors_json_bytes(std::span<const std::byte> first, std::uint64_t file_bytes,
                                     const std::string& subject);

/// Decodes the JSON of a file with `buffer_bytes` behind the header. Each defect has an error of its own, which names
/// the tensor: Error(corruption), or Error(unsupported_version) for a dtype that Lastgood does not have. Names are not
/// yet known to be such as the store takes. Memory is bounded by the header's own length, capped at 100 MB, and by
/// kMaxEntries tensors.
SafetensorsHeader decode_safetensors(std::span<const std::byte> json, std::uint64_t buffer_bytes,
                                     const std::string& subject);

}  // namespace lastgood::format

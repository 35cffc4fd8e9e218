// How the store sees a tensor: a name, a dtype, a shape and contiguous bytes. No framework's types.
//
// Bytes are row-major (C order), little-endian, without padding. A 0-dimensional tensor has an empty shape and one
// element; a tensor with a 0 in its shape has no bytes. Memory behind a view or a slot stays the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lastgood {

/// Element types. The numbers are part of the on-disk format (store/FORMAT.md) and never change.
enum class DType : std::uint8_t {
  bytes = 0,  // opaque bytes, one an element
  json = 1,   // UTF-8 JSON text, one byte an element
  boolean = 2,
  uint8 = 3,
  int8 = 4,
  uint16 = 5,
  int16 = 6,
  uint32 = 7,
  int32 = 8,
  uint64 = 9,
  int64 = 10,
  float16 = 11,
  bfloat16 = 12,
  float32 = 13,
  float64 = 14,
  complex32 = 15,
  complex64 = 16,
  complex128 = 17,
  float8_e4m3fn = 18,
  float8_e5m2 = 19,
  float8_e4m3fnuz = 20,
  float8_e5m2fnuz = 21,
};

/// "float32"; the names are PyTorch's, beside "bytes" and "json".
const char* to_string(DType dtype) noexcept;
std::optional<DType> dtype_from_string(std::string_view name);
/// Bytes of one element.
std::size_t element_bytes(DType dtype) noexcept;

/// The part of the training state that an entry belongs to. The numbers are part of the on-disk format.
enum class Section : std::uint8_t { model = 0, optimizer = 1, scheduler = 2, rng = 3, extra = 4 };

const char* to_string(Section section) noexcept;
std::optional<Section> section_from_string(std::string_view name);

/// What a checkpoint says of one entry. `name` is the fully qualified name (fqn), unique within its section: UTF-8,
/// 1 to 4,096 bytes, without control characters.
struct EntrySpec {
  Section section = Section::model;
  std::string name;
  DType dtype = DType::float32;
  std::vector<std::int64_t> shape;
  /// The name, in the same section, of an earlier entry that owns the bytes (tied weights); empty: owns its own.
  std::string alias_of;

  /// Elements times element_bytes. REQUIRES: no negative size, and no overflow (the store checks both on its way in).
  std::uint64_t byte_count() const;
  bool operator==(const EntrySpec&) const = default;
};

/// One entry to save. `data` holds spec.byte_count() bytes and may be null when that is 0 or when the entry is an
/// alias.
struct TensorView {
  EntrySpec spec;
  const void* data = nullptr;
  /// True for what a forward pass changes (batch norm's buffers, generators): copied before an overlapped save returns.
  bool copy_at_capture = false;
  /// Optional; a counter that grows with each change of the tensor, read at capture and again after the copy. An
  /// overlapped save fails, by name, when the two differ. Called from the save's threads.
  std::function<std::uint64_t()> version = {};
  /// Optional, in place of `data`, for a state that is not in memory: fills `out` with the entry's bytes from `offset`
  /// on. Called from the save's threads, with at most one chunk at a time; an Error that it throws fails the save.
  std::function<void(std::uint64_t offset, std::span<std::byte> out)> read = {};
};

/// Memory for one entry to be loaded: `data` has room for spec.byte_count() bytes.
struct TensorSlot {
  EntrySpec spec;
  void* data = nullptr;
};

}  // namespace lastgood

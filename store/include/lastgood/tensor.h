// How the store sees a tensor: a name, a dtype, a shape and contiguous bytes. No framework's types.
//
// Bytes are row-major (C order), little-endian, without padding. A 0-dimensional tensor has an empty shape and one
// element; a tensor with a 0 in its shape has no bytes. Memory behind a view or a slot stays the caller's.
//
// Plain values, safe to copy from any thread; functions are pure. Bytes are kept and given back as they are: NaNs keep
// their payload, and nothing is converted.
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

/// Element types. The numbers are part of the on-disk format (store/FORMAT.md) and never change. complex32 is two
/// float16, real part first, and so on. The float8 types are PyTorch's: e4m3fn and e5m2 of Micikevicius et al. (arXiv
/// 2209.05433), the fnuz ones of Noune et al. (arXiv 2206.02915). A boolean is a byte of 0 or 1.
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

/// "float32"; the names are PyTorch's, beside "bytes" and "json". A boolean is "bool". "unknown" for a number that is
/// no dtype.
const char* to_string(DType dtype) noexcept;
/// The inverse; nothing for any other name.
std::optional<DType> dtype_from_string(std::string_view name);
/// Bytes of one element. 0 for a number that is no dtype.
std::size_t element_bytes(DType dtype) noexcept;

/// The part of the training state that an entry belongs to. The numbers are part of the on-disk format. In this order:
/// parameters and buffers; optimizers' state and options; schedules; generators; whatever else, such as data positions.
enum class Section : std::uint8_t { model = 0, optimizer = 1, scheduler = 2, rng = 3, extra = 4 };

/// "model" to "extra"; words that never change. The inverse knows no other.
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
  /// An alias has its owner's dtype and shape, and no bytes of its own in the store.
  std::string alias_of;

  /// Elements times element_bytes. REQUIRES: no negative size, and no overflow (the store checks both on its way in).
  std::uint64_t byte_count() const;
  bool operator==(const EntrySpec&) const = default;
};

/// One entry to save. `data` holds spec.byte_count() bytes and may be null when that is 0 or when the entry is an
/// alias.
/// A view owns nothing: what it points to must stay until the save has copied it (Staging says when).
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
  /// Several threads may call it at once, for different offsets.
  std::function<void(std::uint64_t offset, std::span<std::byte> out)> read = {};
};

/// Memory for one entry to be loaded: `data` has room for spec.byte_count() bytes. spec.alias_of is not looked at: each
/// of two tied entries may have a slot. May be null where there are no bytes.
struct TensorSlot {
  EntrySpec spec;
  /// Need not be aligned.
  void* data = nullptr;
};

}  // namespace lastgood

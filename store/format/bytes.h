// Little-endian integers in byte buffers, whatever the machine's own order is.
//
// Every number of packs, frames and manifests passes through here, so the byte order of the format is settled in this
// file alone.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/error.h>

namespace lastgood::format {

/// Appends to a buffer of its own. Not safe from several threads; made for one header or document, then released.
class ByteWriter {
 public:
  template <std::unsigned_integral T>
  /// Signed numbers and floating-point ones are for the caller to convert, so that the format's choice is seen there.
  void put(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<std::byte>((std::uint64_t{value} >> (8 * i)) & 0xff));
    }
  }
  void put_bytes(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void reserve(std::size_t count) { bytes_.reserve(count); }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Hands the buffer over without a copy; the writer is not used after that.
  std::vector<std::byte> release() && { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads from the front. What would pass the end throws Error(corruption) that names `subject`: hostile lengths never
/// reach an allocation or a read. Refers to the bytes, which must outlive it; what it returns points into them.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string subject) : rest_(bytes), subject_(std::move(subject)) {}

  template <std::unsigned_integral T>
  /// Without alignment: a field may stand at any offset.
  T take() {
    std::uint64_t value = 0;
    const auto bytes = take_bytes(sizeof(T));
    for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    return static_cast<T>(value);
  }

  /// A view, not a copy. `count` may come right from a file: it is compared before it is used or narrowed.
  std::span<const std::byte> take_bytes(std::uint64_t count) {
    if (count > rest_.size()) {
      throw Error(ErrorCode::corruption, subject_,
                  subject_ + " ends too early: " + std::to_string(count) + " more bytes are needed, " +
                      std::to_string(rest_.size()) + " are left");
    }
    const auto bytes = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(bytes.size());
    return bytes;
  }

  std::size_t remaining() const noexcept { return rest_.size(); }

 private:
  std::span<const std::byte> rest_;
  std::string subject_;
};

}  // namespace lastgood::format

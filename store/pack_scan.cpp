// The scanning rule (FORMAT.md): headers stand at multiples of 64 bytes. Where a valid one is met, the scan goes on at
// the end of its frame, whatever its payload looks like; elsewhere 64 bytes further. A header names its pack and its
// own offset, so a tensor's bytes that look like a header are not taken for one.
#include "store/pack_scan.h"

#include <algorithm>

#include "store/format/codec.h"
#include "store/format/digest.h"
#include "store/quarantine.h"

namespace lastgood {

namespace {

// Also how often `passed` is told.
constexpr std::size_t kWindowBytes = 1u << 20;

/// A window that moves forward over the file, so that stepping from header to header costs few reads.
class Window {
 public:
  explicit Window(io::File& file) : file_(file), buffer_(kWindowBytes) {}

  /// The bytes at `offset`, `length` of them or as many as the file has.
  std::span<const std::byte> at(std::uint64_t offset, std::size_t length) {
    if (offset < start_ || offset + length > start_ + filled_) {
      filled_ = io::read_fully(file_, offset, buffer_);
      start_ = offset;
    }
    const auto skipped = static_cast<std::size_t>(offset - start_);
    return std::span(buffer_).first(filled_).subspan(skipped).first(std::min(length, filled_ - skipped));
  }

 private:
  io::File& file_;
  std::vector<std::byte> buffer_;
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
};

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<format::FrameHeader> header_at(std::span<const std::byte> bytes, const format::Uuid& pack,
                                             std::uint64_t offset) {
  if (bytes.size() < format::kHeaderBytes || !format::looks_like_frame(bytes)) return std::nullopt;
  try {
    return format::decode_frame_header(bytes, pack, offset);
  } catch (const Error& error) {
    if (!tells_of_damage(error)) throw;
    return std::nullopt;
  }
}

bool matches_hash(const format::FrameHeader& frame, std::span<const std::byte> stored) {
  if (stored.size() != frame.stored_bytes) return false;
  if (frame.codec == format::Codec::raw) return format::hash_bytes(stored) == frame.hash;
  std::vector<std::byte> raw(frame.raw_bytes);
  try {
    format::unpack(frame.codec, stored, raw);
  } catch (const Error& error) {
    if (!tells_of_damage(error)) throw;
    return false;
  }
  return format::hash_bytes(raw) == frame.hash;
}

/// True where a collection punched the payload and left its header, which shares a block with something that lives:
/// the blocks that lie wholly in the payload are zeros, and so is at least one of all that it touches, from edge to
/// edge. (The first and the last one may be shared with the living, or free together with a dead neighbour.)
bool was_punched(io::File& file, std::uint64_t payload, std::uint64_t stored_bytes, std::uint64_t block) {
  const std::uint64_t end = payload + stored_bytes;
  std::vector<std::byte> bytes(block);
  bool punched = false;
  for (std::uint64_t at = payload / block * block; at < end; at += block) {
    const std::size_t got = io::read_fully(file, at, bytes);
    if (got == 0) break;  // cut short
    const bool zero = is_zero(std::span(bytes).first(got));
    // A block of the payload's own that has content: nobody punched it, so what is wrong with it is damage.
    if (!zero && at >= payload && at + block <= end) return false;
    punched = punched || zero;
  }
  return punched;
}

std::optional<format::Uuid> store_of(io::File& file, const format::Uuid& pack) {
  format::HeaderBytes bytes{};
  if (io::read_fully(file, 0, bytes) < bytes.size()) return std::nullopt;
  format::PackHeader header;
  try {
    header = format::decode_pack_header(bytes);
  } catch (const Error& error) {
    // A damaged pack header costs nothing but the store's name: frames are found by their own.
    if (error.code() != ErrorCode::corruption) throw;
    return std::nullopt;
  }
  if (header.pack != pack) {
    throw Error(ErrorCode::invalid_argument, pack.hex(),
                "pack " + pack.hex() + " is in truth " + header.pack.hex() + ": the file was renamed");
  }
  return header.store;
}

}  // namespace

// Headers are read through the window, payloads past it: large ones would only push it aside.
PackScan scan_pack(io::File& file, const format::Uuid& pack, std::uint64_t block,
                   const std::function<void(std::uint64_t)>& passed) {
  PackScan scan;
  scan.store = store_of(file, pack);
  Window window(file);
  std::vector<std::byte> stored;
  const std::uint64_t size = file.size();
  std::uint64_t told = 0;
  for (std::uint64_t offset = format::kHeaderBytes; offset < size;) {
    if (offset - told >= kWindowBytes) passed(told = offset);
    const auto header = header_at(window.at(offset, format::kHeaderBytes), pack, offset);
    if (!header) {
      offset += format::kFrameAlignment;
      continue;
    }
    const std::uint64_t payload = offset + format::kHeaderBytes;
    stored.resize(header->stored_bytes);
    stored.resize(io::read_fully(file, payload, stored));
    if (matches_hash(*header, stored)) {
      scan.good.push_back({offset, *header});
    } else if (!was_punched(file, payload, header->stored_bytes, block)) {
      scan.damaged.push_back({offset, *header});
    }
    offset = format::frame_end(offset, header->stored_bytes);
  }
  passed(size);
  return scan;
}

}  // namespace lastgood

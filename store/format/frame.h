// Packs and frames: the bytes of a pack's header and of the header before each payload. Grammar: store/FORMAT.md.
//
// Little-endian, fixed 64 bytes each. A header names its pack and its own offset, so that bytes which merely look like
// one (a tensor's contents, a frame copied elsewhere) are not taken for one. No I/O here. Decoding checks in this
// order: size, magic, checksum, version, then each field; one message per defect.
//
// The checksum tells damage, not intent: who can write to the store can make a header that passes. Lengths are
// therefore capped, and the content is checked against `hash` by whoever reads it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <lastgood/ids.h>

#include "store/format/uuid.h"

namespace lastgood::format {

inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::uint64_t kFrameAlignment = 64;
/// Payloads of this size and more start at a multiple of kPayloadAlignment.
inline constexpr std::uint64_t kLargePayload = 64 * 1024;
inline constexpr std::uint64_t kPayloadAlignment = 4096;
/// Caps, on raw and stored bytes of one frame: what a decoder will ever allocate.
inline constexpr std::uint64_t kMaxPayload = 64u << 20;

enum class FrameKind : std::uint8_t { chunk = 1, manifest = 2, record = 3 };
enum class Codec : std::uint8_t { raw = 0, zstd = 1, planes = 2 };

/// At offset 0 of each pack. `store` keeps a pack that was copied to another store from being rebuilt into it.
struct PackHeader {
  Uuid pack;
  Uuid store;
};

/// Stands right before each payload. The catalog has the same fields; a rebuild goes by these.
struct FrameHeader {
  FrameKind kind = FrameKind::chunk;
  Codec codec = Codec::raw;
  std::uint64_t raw_bytes = 0;
  std::uint64_t stored_bytes = 0;
  BlobHash hash;  // of the raw bytes
};

using HeaderBytes = std::array<std::byte, kHeaderBytes>;

/// Version 1, flags 0: the only ones that are written.
HeaderBytes encode(const PackHeader& header);
/// Throws Error(corruption | unsupported_version). That the pack is the one that the file's name says, is for the
/// caller to compare.
PackHeader decode_pack_header(std::span<const std::byte> bytes);

/// `offset` is the header's own place in the pack.
HeaderBytes encode(const FrameHeader& header, const Uuid& pack, std::uint64_t offset);
/// Throws Error(corruption | unsupported_version). `pack` and `offset` are where the header was read from.
FrameHeader decode_frame_header(std::span<const std::byte> bytes, const Uuid& pack, std::uint64_t offset);
/// True where the bytes start with a frame's magic: a cheap test for scanning. Most places that a scan looks at hold
/// tensors: only where this is true is a checksum worth computing.
bool looks_like_frame(std::span<const std::byte> bytes);

/// Where the frame's header goes when the pack is filled up to `end`: the payload follows at once, and is aligned.
/// `end` is the frame_end() of the frame before it, or kHeaderBytes.
std::uint64_t place_frame(std::uint64_t end, std::uint64_t stored_bytes);
/// The end of a frame at `offset`, padding included.
std::uint64_t frame_end(std::uint64_t offset, std::uint64_t stored_bytes);

}  // namespace lastgood::format

// Lossless packing of payloads: raw, zstd, or byte planes (the k-th bytes of all elements together, each plane packed
// by zstd only where that pays). Grammar: store/FORMAT.md. No I/O; safe from any thread.
//
// What a blob is called does not depend on how it is packed: the hash is of the raw bytes. So a writer may choose the
// codec frame by frame, and a later version may choose another, without a change of the format.
//
// Grammar: sections "Frame" (numbers of the codecs) and "Codecs" (the table of byte planes, little-endian) of
// FORMAT.md. Cap: 64 MiB on either side, kMaxPayload, which the frame's header has been held to before. Codecs have no
// version of their own: a number, once given out, keeps its meaning, and an unknown one is corruption.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "store/format/frame.h"

namespace lastgood::format {

/// `codec` is never raw: where packing does not pay, there is no Packed.
struct Packed {
  Codec codec = Codec::raw;
  std::vector<std::byte> bytes;
};

/// Packs `raw` by byte planes of `element_bytes` (1: plain zstd). Nothing where less than 5 % would be won, which a
/// sample of the first 128 KiB decides for longer ones.
std::optional<Packed> pack(std::span<const std::byte> raw, std::size_t element_bytes);

/// Plain zstd at a high level, for manifests and records; nothing where it does not shrink.
std::optional<Packed> pack_metadata(std::span<const std::byte> raw);

/// Fills `raw` exactly. Throws Error(corruption) on anything else; never reads or writes outside of the spans. `stored`
/// may be hostile; `raw` has the length that the frame's header gives. After an error `raw` holds garbage.
void unpack(Codec codec, std::span<const std::byte> stored, std::span<std::byte> raw);

}  // namespace lastgood::format

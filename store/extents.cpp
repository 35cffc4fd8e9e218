// The arithmetic on which rule 9 of FORMAT.md rests: what is returned here will be punched. Rounding is therefore
// always towards keeping.
#include "store/extents.h"

#include <algorithm>

#include "store/format/frame.h"
#include "store/rules.h"

namespace lastgood {

namespace {

bool is_live(const catalog::Blob& blob) {
  return blob.state == catalog::BlobState::live;
}

}  // namespace

// Padding is nobody's: it may go with a neighbour's hole and reads as zeros before and after.
Extent extent_of(const catalog::Blob& blob) {
  return {blob.place.offset, blob.place.offset + format::kHeaderBytes + blob.frame.stored_bytes};
}

std::vector<Extent> free_extents(std::span<const catalog::Blob> blobs, std::uint64_t size, std::uint64_t block) {
  std::vector<Extent> free;
  // The pack's own header stays as long as the pack.
  std::uint64_t used_until = format::kHeaderBytes;
  const auto add_gap = [&](std::uint64_t gap_end) {
    // Inward: a block that the gap shares with a neighbour would be rewritten by the punch, and may be torn.
    const std::uint64_t unit = rules::punch_whole_blocks ? block : 1;
    const std::uint64_t begin = (used_until + unit - 1) / unit * unit;
    const std::uint64_t end = (gap_end == size ? gap_end + unit - 1 : gap_end) / unit * unit;
    if (begin < end) free.push_back({begin, end});
  };
  for (const catalog::Blob& blob : blobs) {
    if (!is_live(blob)) continue;
    const Extent used = extent_of(blob);
    add_gap(used.begin);
    // Rows that overlap, as only a damaged catalog has them, keep what either needs.
    used_until = std::max(used_until, used.end);
  }
  add_gap(size);
  return free;
}

std::uint64_t packed_size(std::span<const catalog::Blob> blobs) {
  std::uint64_t end = format::kHeaderBytes;
  for (const catalog::Blob& blob : blobs) {
    if (!is_live(blob)) continue;
    end = format::frame_end(format::place_frame(end, blob.frame.stored_bytes), blob.frame.stored_bytes);
  }
  return end;
}

}  // namespace lastgood

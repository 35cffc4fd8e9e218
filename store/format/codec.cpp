// What pays is found out by trying, since it depends on the numbers. First a sample of the content decides whether to
// try at all, then for each plane a sample of its own.
//
// Two decisions, each made on a sample before a whole chunk is spent on it: whether the content shrinks at all, and,
// plane by plane, which planes do. Noise, which most low bytes of weights are, costs the sample and no more.
#include "store/format/codec.h"

#include <algorithm>
#include <string>

#include <lastgood/error.h>

#include "store/format/bytes.h"
#include "store/format/planes.h"
#include "store/format/zstd_block.h"

namespace lastgood::format {
namespace {

// Level 1 keeps up with a disk; more levels win next to nothing on weights.
constexpr int kChunkLevel = 1;
// A manifest and a record are small and packed once in a save: time is no matter there.
constexpr int kMetadataLevel = 9;
constexpr std::size_t kSampleBytes = 128 * 1024;

enum class PlaneForm : std::uint8_t { raw = 0, zstd = 1 };
// Form and stored length of one plane.
constexpr std::size_t kPlaneHead = 1 + sizeof(std::uint64_t);

/// 5 % less: below that, unpacking costs more than the bytes are worth.
std::size_t worthwhile(std::size_t raw_bytes) {
  return raw_bytes - (raw_bytes + 19) / 20;
}

/// For elements of one byte, which have no planes.
std::optional<Packed> pack_plain(std::span<const std::byte> raw) {
  Packed packed{Codec::zstd, {}};
  if (!append_zstd(packed.bytes, raw, kChunkLevel, worthwhile(raw.size()))) return std::nullopt;
  return packed;
}

/// Whether the start of a plane shrinks: trying noise at full length would cost most of the time and win nothing.
bool sample_pays(std::span<const std::byte> plane, std::size_t sample_bytes) {
  if (plane.size() <= sample_bytes) return true;
  std::vector<std::byte> scratch;
  return append_zstd(scratch, plane.first(sample_bytes), kChunkLevel, worthwhile(sample_bytes));
}

/// Plane by plane, each packed only where that pays: of floating-point numbers, the planes of the low bytes are noise.
std::optional<Packed> pack_planes(std::span<const std::byte> raw, std::size_t count) {
  std::vector<std::byte> planes(raw.size());
  split_planes(raw, count, planes);
  const std::size_t head_bytes = 1 + count * kPlaneHead;
  ByteWriter head;
  head.put(static_cast<std::uint8_t>(count));
  // The table comes first and is known last: its place is kept.
  std::vector<std::byte> packed(head_bytes);
  std::span<const std::byte> rest(planes);
  for (std::size_t k = 0; k < count; ++k) {
    const auto plane = rest.first(plane_bytes(raw.size(), count, k));
    rest = rest.subspan(plane.size());
    const std::size_t before = packed.size();
    const bool pays =
        // All planes' samples together are one sample of the content.
        sample_pays(plane, kSampleBytes / count) && append_zstd(packed, plane, kChunkLevel, worthwhile(plane.size()));
    if (!pays) packed.insert(packed.end(), plane.begin(), plane.end());
    head.put(static_cast<std::uint8_t>(pays ? PlaneForm::zstd : PlaneForm::raw));
    head.put(std::uint64_t{packed.size() - before});
  }
  if (packed.size() > worthwhile(raw.size())) return std::nullopt;
  std::ranges::copy(head.bytes(), packed.begin());
  return Packed{Codec::planes, std::move(packed)};
}

/// A width that has no planes is packed as plain bytes: never wrong, only less tight.
std::optional<Packed> pack_all(std::span<const std::byte> raw, std::size_t element_bytes) {
  return is_plane_count(element_bytes) ? pack_planes(raw, element_bytes) : pack_plain(raw);
}

[[noreturn]] void throw_damaged(const std::string& what) {
  throw Error(ErrorCode::corruption, "payload", "a packed payload is damaged: " + what);
}

struct Plane {
  PlaneForm form = PlaneForm::raw;
  std::uint64_t stored_bytes = 0;
};

/// At most 16 rows, so that the table allocates nothing of note; lengths are checked by the caller as it goes.
std::vector<Plane> take_plane_table(ByteReader& reader) {
  const auto count = reader.take<std::uint8_t>();
  if (!is_plane_count(count)) throw_damaged("there is no layout of " + std::to_string(count) + " byte planes");
  std::vector<Plane> planes(count);
  for (Plane& plane : planes) {
    plane.form = static_cast<PlaneForm>(reader.take<std::uint8_t>());
    plane.stored_bytes = reader.take<std::uint64_t>();
    if (plane.form > PlaneForm::zstd) throw_damaged("a byte plane has an unknown form");
  }
  return planes;
}

/// The lengths in the table may be anything; each is checked before it is used, and together they must fill `stored`.
void unpack_planes(std::span<const std::byte> stored, std::span<std::byte> raw) {
  ByteReader reader(stored, "the table of byte planes");
  const std::vector<Plane> planes = take_plane_table(reader);
  std::vector<std::byte> unpacked;
  for (std::size_t k = 0; k < planes.size(); ++k) {
    if (planes[k].stored_bytes > reader.remaining()) throw_damaged("it ends before its byte planes do");
    auto plane = reader.take_bytes(planes[k].stored_bytes);
    const std::size_t size = plane_bytes(raw.size(), planes.size(), k);
    if (planes[k].form == PlaneForm::zstd) {
      // Bounded by the content's length, which the frame's header caps at 64 MiB.
      unpacked.resize(size);
      unpack_zstd(plane, unpacked);
      plane = unpacked;
    }
    if (plane.size() != size) throw_damaged("a byte plane has another length than its elements ask for");
    merge_plane(plane, k, planes.size(), raw);
  }
  if (reader.remaining() != 0) throw_damaged("bytes follow its last byte plane");
}

}  // namespace

/// The sample is packed for real and thrown away: 128 KiB of work saves that of a whole chunk of noise.
std::optional<Packed> pack(std::span<const std::byte> raw, std::size_t element_bytes) {
  if (raw.size() > kSampleBytes && !pack_all(raw.first(kSampleBytes), element_bytes)) return std::nullopt;
  return pack_all(raw, element_bytes);
}

std::optional<Packed> pack_metadata(std::span<const std::byte> raw) {
  Packed packed{Codec::zstd, {}};
  if (raw.empty() || !append_zstd(packed.bytes, raw, kMetadataLevel, raw.size() - 1)) return std::nullopt;
  return packed;
}

void unpack(Codec codec, std::span<const std::byte> stored, std::span<std::byte> raw) {
  switch (codec) {
    case Codec::raw:
      if (stored.size() != raw.size()) throw_damaged("a raw payload is stored in another length");
      std::ranges::copy(stored, raw.begin());
      return;
    case Codec::zstd: return unpack_zstd(stored, raw);
    case Codec::planes: return unpack_planes(stored, raw);
  }
  throw_damaged("there is no codec " + std::to_string(static_cast<unsigned>(codec)));
}

}  // namespace lastgood::format

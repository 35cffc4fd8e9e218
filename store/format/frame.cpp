// Headers are written and read field by field, never as a struct in memory: neither the compiler's padding nor the
// machine's byte order can get into a file. A header is whole or it is nothing; there is no way to mend one, and no
// need: the catalog has the same fields, and the content has its hash.
#include "store/format/frame.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include <lastgood/error.h>

#include "store/format/bytes.h"
#include "store/format/digest.h"

namespace lastgood::format {
namespace {

constexpr std::string_view kPackMagic = "LGPACK\r\n";
constexpr std::string_view kFrameMagic = "LGFR";
constexpr std::uint32_t kPackVersion = 1;
constexpr std::uint16_t kFrameVersion = 1;
// The checksum is the last field of either header and covers all before it.
constexpr std::size_t kCheckedBytes = kHeaderBytes - sizeof(std::uint64_t);
// Half of the uuid: there is no room for more in 64 bytes, and 64 bits tell packs apart that nobody forged.
constexpr std::size_t kSaltBytes = 8;

/// Throws for one header; knows where it was read.
class Complaint {
 public:
  Complaint(std::string subject, std::string place) : subject_(std::move(subject)), place_(std::move(place)) {}

  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(ErrorCode::corruption, subject_, place_ + " is damaged: " + what);
  }
  [[noreturn]] void too_new(const std::string& what) const {
    throw Error(ErrorCode::unsupported_version, subject_,
                place_ + " was written by a newer Lastgood (" + what + "); read it with that version");
  }

 private:
  std::string subject_;
  std::string place_;
};

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

/// REQUIRES: all 56 bytes of fields are written.
HeaderBytes seal(ByteWriter& fields) {
  fields.put(checksum(fields.bytes()));
  HeaderBytes header;
  std::ranges::copy(fields.bytes(), header.begin());
  return header;
}

/// Size, magic and checksum: what every version of either header has. The checksum comes before the version, so that
/// damage is not taken for the future.
void check_envelope(std::span<const std::byte> bytes, std::string_view magic, const Complaint& complaint) {
  if (bytes.size() < kHeaderBytes) {
    complaint.damaged("it ends after " + std::to_string(bytes.size()) + " of 64 bytes");
  }
  if (!starts_with(bytes, magic)) complaint.damaged("it does not begin with its magic bytes");
  ByteReader tail(bytes.subspan(kCheckedBytes), "header");
  if (tail.take<std::uint64_t>() != checksum(bytes.first(kCheckedBytes))) {
    complaint.damaged("its checksum does not match");
  }
}

std::span<const std::byte> magic_bytes(std::string_view magic) {
  return std::as_bytes(std::span(magic));
}

/// After this, lengths may be allocated by and the enumerators are known ones.
void check_frame(const FrameHeader& header, const Complaint& complaint) {
  if (header.kind < FrameKind::chunk || header.kind > FrameKind::record) {
    complaint.damaged("there is no frame kind " + std::to_string(static_cast<unsigned>(header.kind)));
  }
  if (header.codec > Codec::planes) {
    complaint.damaged("there is no codec " + std::to_string(static_cast<unsigned>(header.codec)));
  }
  if (header.raw_bytes > kMaxPayload || header.stored_bytes > kMaxPayload) {
    complaint.damaged("its payload is longer than 64 MiB");
  }
  if (header.codec == Codec::raw && header.raw_bytes != header.stored_bytes) {
    complaint.damaged("a raw payload is stored in another length");
  }
}

/// A Uuid or a BlobHash, byte by byte.
template <class Value>
void take_into(Value& value, ByteReader& reader) {
  const auto bytes = reader.take_bytes(value.bytes.size());
  std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
}

/// REQUIRES: far from the end of 64 bits, as offsets in files are.
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

HeaderBytes encode(const PackHeader& header) {
  ByteWriter writer;
  writer.put_bytes(magic_bytes(kPackMagic));
  writer.put(kPackVersion);
  writer.put(std::uint32_t{0});  // flags
  writer.put_bytes(std::as_bytes(std::span(header.pack.bytes)));
  writer.put_bytes(std::as_bytes(std::span(header.store.bytes)));
  writer.put(std::uint64_t{0});  // reserved
  return seal(writer);
}

PackHeader decode_pack_header(std::span<const std::byte> bytes) {
  const Complaint complaint("pack", "the header of the pack");
  check_envelope(bytes, kPackMagic, complaint);
  ByteReader reader(bytes.subspan(kPackMagic.size()), "pack");
  const auto version = reader.take<std::uint32_t>();
  if (version > kPackVersion) complaint.too_new("pack version " + std::to_string(version));
  if (version == 0) complaint.damaged("there is no version 0");
  if (reader.take<std::uint32_t>() != 0) complaint.too_new("unknown flags");
  PackHeader header;
  take_into(header.pack, reader);
  take_into(header.store, reader);
  if (reader.take<std::uint64_t>() != 0) complaint.damaged("its reserved bytes are not zero");
  return header;
}

// The fields are taken as given: lengths and hash were made from the very bytes that the caller is about to write.
HeaderBytes encode(const FrameHeader& header, const Uuid& pack, std::uint64_t offset) {
  ByteWriter writer;
  writer.put_bytes(magic_bytes(kFrameMagic));
  writer.put(kFrameVersion);
  writer.put(static_cast<std::uint8_t>(header.kind));
  writer.put(static_cast<std::uint8_t>(header.codec));
  writer.put(header.raw_bytes);
  writer.put(header.stored_bytes);
  writer.put_bytes(std::as_bytes(std::span(header.hash.bytes)));
  writer.put_bytes(std::as_bytes(std::span(pack.bytes).first<kSaltBytes>()));
  writer.put(offset);
  return seal(writer);
}

FrameHeader decode_frame_header(std::span<const std::byte> bytes, const Uuid& pack, std::uint64_t offset) {
  const std::string name = pack.hex() + ".pack";
  const Complaint complaint(name, "the frame header at offset " + std::to_string(offset) + " of pack " + name);
  check_envelope(bytes, kFrameMagic, complaint);
  ByteReader reader(bytes.subspan(kFrameMagic.size()), name);
  const auto version = reader.take<std::uint16_t>();
  if (version > kFrameVersion) complaint.too_new("frame version " + std::to_string(version));
  if (version == 0) complaint.damaged("there is no version 0");
  FrameHeader header;
  header.kind = static_cast<FrameKind>(reader.take<std::uint8_t>());
  header.codec = static_cast<Codec>(reader.take<std::uint8_t>());
  header.raw_bytes = reader.take<std::uint64_t>();
  header.stored_bytes = reader.take<std::uint64_t>();
  take_into(header.hash, reader);
  check_frame(header, complaint);
  if (std::memcmp(reader.take_bytes(kSaltBytes).data(), pack.bytes.data(), kSaltBytes) != 0) {
    complaint.damaged("it belongs to another pack");
  }
  const auto own_offset = reader.take<std::uint64_t>();
  // A frame that was copied elsewhere has a whole header in the wrong place.
  if (own_offset != offset) complaint.damaged("it belongs at offset " + std::to_string(own_offset));
  return header;
}

// Four bytes of magic. A false yes costs one checksum, so a longer magic would buy nothing.
bool looks_like_frame(std::span<const std::byte> bytes) {
  return starts_with(bytes, kFrameMagic);
}

std::uint64_t place_frame(std::uint64_t end, std::uint64_t stored_bytes) {
  const std::uint64_t offset = round_up(end, kFrameAlignment);
  if (stored_bytes < kLargePayload) return offset;
  // The payload is aligned, not the header: it begins a block, so a hole can free all of it, and direct I/O can read
  // it.
  return round_up(offset + kHeaderBytes, kPayloadAlignment) - kHeaderBytes;
}

// The padding is part of the frame, so ends and places of frames are multiples of 64 and need no rounding between them.
std::uint64_t frame_end(std::uint64_t offset, std::uint64_t stored_bytes) {
  return round_up(offset + kHeaderBytes + stored_bytes, kFrameAlignment);
}

}  // namespace lastgood::format

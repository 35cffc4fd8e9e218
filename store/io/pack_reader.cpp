// Open packs are kept in a list, newest use first: a load reads many chunks of few packs, and a linear search through
// at most 64 entries costs nothing beside a read. A descriptor that is evicted while another thread reads by it stays
// open until that read is done.
#include "store/io/pack_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include <lastgood/error.h>

#include "store/format/codec.h"
#include "store/format/digest.h"
#include "store/paths.h"
#include "store/rules.h"

namespace lastgood::io {

namespace {

// Well below the usual limit of 1,024 descriptors a process.
constexpr std::size_t kMaxOpenPacks = 64;
// What is read is hashed while it is still in the core's own cache.
constexpr std::size_t kPieceBytes = 256 * 1024;

Error damaged(const std::filesystem::path& pack, const FrameRef& frame, const std::string& what,
              ErrorCode code = ErrorCode::corruption) {
  const std::string message = "pack " + pack.string() + ", frame at offset " + std::to_string(frame.offset) + ": " +
                              what + "; run `lastgood verify` to see which checkpoints this touches";
  return Error(code, pack.string(), message);
}

/// Fills `out` from the frame's payload and hashes on the way. False: the pack ends first.
bool read_hashed(File& file, std::uint64_t offset, std::span<std::byte> out, format::Hasher& hasher) {
  while (!out.empty()) {
    const std::span<std::byte> piece = out.first(std::min(out.size(), kPieceBytes));
    if (read_fully(file, offset, piece) != piece.size()) return false;
    hasher.update(piece);
    offset += piece.size();
    out = out.subspan(piece.size());
  }
  return true;
}

bool same(const format::FrameHeader& a, const format::FrameHeader& b) {
  return a.kind == b.kind && a.codec == b.codec && a.raw_bytes == b.raw_bytes && a.stored_bytes == b.stored_bytes &&
         a.hash == b.hash;
}

}  // namespace

PackReader::PackReader(FileSystem& files, std::filesystem::path directory)
    : files_(files), directory_(std::move(directory)) {}

/// nullptr: there is no such pack, which may be the work of a collection. Opening is done under the mutex; reads are
/// not.
std::shared_ptr<File> PackReader::open(const format::Uuid& pack) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const OpenPack& p) { return p.uuid == pack; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return found->file;
  }
  std::shared_ptr<File> file = files_.open(directory_ / paths::pack_name(pack), false);
  if (file == nullptr) return nullptr;
  open_.push_front({pack, file});
  if (open_.size() > kMaxOpenPacks) open_.pop_back();
  return file;
}

/// Lengths come from the catalog, which may be a stranger's: they are checked before anything is allocated or read by
/// them.
void PackReader::read(const FrameRef& frame, std::span<std::byte> out) {
  const std::filesystem::path path = directory_ / paths::pack_name(frame.pack);
  const format::FrameHeader& header = frame.header;
  const std::uint64_t most = header.codec == format::Codec::raw ? header.raw_bytes : format::kMaxPayload;
  if (header.stored_bytes > most || (header.codec == format::Codec::raw && header.stored_bytes != most)) {
    throw damaged(path, frame, "the catalog gives it an impossible length");
  }
  const std::shared_ptr<File> file = open(frame.pack);
  if (file == nullptr) throw damaged(path, frame, "pack file is missing");
  const std::uint64_t payload = frame.offset + format::kHeaderBytes;
  format::Hasher hasher;
  if (header.codec == format::Codec::raw) {
    if (!read_hashed(*file, payload, out, hasher)) throw damaged(path, frame, "pack is shorter than its frame");
  } else {
    std::vector<std::byte> stored(static_cast<std::size_t>(header.stored_bytes));
    if (read_fully(*file, payload, stored) != stored.size()) {
      throw damaged(path, frame, "pack is shorter than its frame");
    }
    try {
      format::unpack(header.codec, stored, out);
    } catch (const Error& error) {
      throw damaged(path, frame, error.what(), error.code());
    }
    hasher.update(out);
  }
  // In the caller's own memory, after the last byte has arrived: what was checked is what the caller gets.
  if (rules::check_hash && hasher.finish() != header.hash)
    throw damaged(path, frame, "hash mismatch, expected " + header.hash.hex());
}

std::vector<std::byte> PackReader::read(const FrameRef& frame) {
  if (frame.header.raw_bytes > format::kMaxPayload) {
    throw damaged(directory_ / paths::pack_name(frame.pack), frame, "the catalog gives it an impossible length");
  }
  std::vector<std::byte> out(static_cast<std::size_t>(frame.header.raw_bytes));
  read(frame, out);
  return out;
}

/// A header that is whole but tells something else than the catalog is damage as well: a rebuild would go by the
/// header.
void PackReader::check_header(const FrameRef& frame) {
  const std::filesystem::path path = directory_ / paths::pack_name(frame.pack);
  const std::shared_ptr<File> file = open(frame.pack);
  if (file == nullptr) throw damaged(path, frame, "pack file is missing");
  format::HeaderBytes bytes{};
  if (read_fully(*file, frame.offset, bytes) != bytes.size()) {
    throw damaged(path, frame, "pack is shorter than its frame");
  }
  format::FrameHeader found;
  try {
    found = format::decode_frame_header(bytes, frame.pack, frame.offset);
  } catch (const Error& error) {
    throw damaged(path, frame, error.what(), error.code());
  }
  if (!same(found, frame.header)) throw damaged(path, frame, "the header is another one than the catalog has");
}

format::PackHeader PackReader::read_pack_header(const format::Uuid& pack) {
  const std::filesystem::path path = directory_ / paths::pack_name(pack);
  const std::shared_ptr<File> file = open(pack);
  if (file == nullptr) throw Error(ErrorCode::corruption, path.string(), "pack " + path.string() + " is missing");
  format::HeaderBytes bytes{};
  const std::size_t got = read_fully(*file, 0, bytes);
  const format::PackHeader header = format::decode_pack_header(std::span(bytes).first(got));
  if (header.pack == pack) return header;
  throw Error(ErrorCode::corruption, path.string(), "pack " + path.string() + " has the header of another pack");
}

std::vector<std::byte> PackReader::read_unchecked(const FrameRef& frame) {
  const std::shared_ptr<File> file = open(frame.pack);
  if (file == nullptr) return {};
  const std::uint64_t stored = std::min(frame.header.stored_bytes, format::kMaxPayload);
  std::vector<std::byte> bytes(format::kHeaderBytes + static_cast<std::size_t>(stored));
  bytes.resize(read_fully(*file, frame.offset, bytes));
  return bytes;
}

}  // namespace lastgood::io

// Compaction of one pack (FORMAT.md, "The protocol", rule 10):
//   1. Read each LIVE frame and check its content against its hash: damaged bytes are never copied.
//   2. Append the good ones to a new pack of a fresh name. It has no row yet: a cut from here on leaves an orphan,
//      which the next sweep removes. (The gc lock keeps every other sweep away.)
//   3. Seal: contents and directory entry are durable.
//   4. One durable commit adds the pack's row and moves the blobs that are still LIVE where they were copied from. A
//      blob that was forgotten or healed since keeps its row; its copy gets a DEAD one, for a later pass to free.
//   5. The caller, and only after this commit, destroys what the old pack no longer needs.
// A reader that still has the old place finds wrong bytes or no file there, asks the catalog again and reads on.
#include "store/compact.h"

#include "store/catalog/blobs.h"
#include "store/format/codec.h"
#include "store/format/digest.h"
#include "store/io/pack_reader.h"
#include "store/io/pack_writer.h"
#include "store/paths.h"
#include "store/quarantine.h"
#include "store/rules.h"

namespace lastgood {

namespace {

using catalog::Blob;

// With holes, what is left between the live frames is small change: it must be worth the copy.
constexpr std::uint64_t kMinWaste = 1u << 20;

/// True where the stored bytes unpack to what their hash says.
bool is_right(const format::FrameHeader& frame, std::span<const std::byte> stored) {
  if (stored.size() != frame.stored_bytes || frame.raw_bytes > format::kMaxPayload) return false;
  if (frame.codec == format::Codec::raw) return format::hash_bytes(stored) == frame.hash;
  std::vector<std::byte> raw(frame.raw_bytes);
  try {
    format::unpack(frame.codec, stored, raw);
  } catch (const Error& error) {
    if (tells_of_damage(error)) return false;
    throw;
  }
  return format::hash_bytes(raw) == frame.hash;
}

/// The frame's bytes, header included; nothing where the disk cannot read them.
// Unchecked on purpose: is_right() looks at the bytes that are about to be written, not at another read of them.
std::vector<std::byte> read_frame(io::PackReader& reader, const Blob& blob) {
  try {
    return reader.read_unchecked({blob.place.pack_uuid, blob.place.offset, blob.frame});
  } catch (const Error& error) {
    if (tells_of_damage(error)) return {};
    throw;
  }
}

struct Copied {
  std::vector<catalog::Move> moves;
  std::vector<Blob> damaged;
};

Copied copy_frames(const StoreImpl& store, std::span<const Blob> blobs, io::PackWriter& writer) {
  io::PackReader reader(*store.files, paths::blobs(store.directory));
  Copied copied;
  for (const Blob& blob : blobs) {
    // As of the caller's snapshot. What died since is found out by the commit, which moves live rows only.
    if (blob.state != catalog::BlobState::live) continue;
    const std::vector<std::byte> bytes = read_frame(reader, blob);
    const auto stored = std::span(bytes).subspan(std::min(bytes.size(), format::kHeaderBytes));
    if (!is_right(blob.frame, stored)) {
      copied.damaged.push_back(blob);
      continue;
    }
    const io::FrameToWrite frame{blob.frame, stored};
    copied.moves.push_back({blob.id, blob.place, {}, {writer.append({&frame, 1}).front(), blob.frame}});
  }
  return copied;
}

/// In the same commit: a mark alone would be lost with a power cut, and the next pass would copy in vain again.
void move_rows(catalog::Connection& db, const format::Uuid& target, const Copied& copied) {
  const catalog::PackId pack = catalog::add_compacted_pack(db, target);
  std::vector<catalog::Move> moves = copied.moves;
  for (catalog::Move& move : moves) move.to_pack = pack;
  catalog::move_blobs(db, moves);
  for (const Blob& blob : copied.damaged) {
    const std::optional<Blob> now = catalog::find_blob(db, blob.id);
    if (now && now->state == catalog::BlobState::live && now->place == blob.place) {
      catalog::set_damaged(db, blob.id, true);
    }
  }
}

}  // namespace

bool worth_compacting(std::uint64_t allocated, std::uint64_t needed, bool can_punch) {
  if (allocated <= needed) return false;
  const std::uint64_t waste = allocated - needed;
  // Without holes nothing else frees the space, but a whole pack is not copied for the sake of a dead record.
  // More than half, so that a copy frees more than it writes.
  return can_punch ? waste > allocated / 2 && waste > kMinWaste : waste > allocated / 8;
}

// Takes the memory of one frame at a time, stored and unpacked, whatever the pack's size.
format::Uuid compact(const StoreImpl& store, const catalog::PackRow& pack, std::span<const Blob> blobs) {
  const format::Uuid target = format::Uuid::random();
  io::PackWriter writer(*store.files, paths::blobs(store.directory), {target, store.use().store_uuid()});
  const Copied copied = copy_frames(store, blobs, writer);
  writer.seal();
  store.use_for_writing().write(rules::move_durable ? catalog::Durability::durable : catalog::Durability::relaxed,
                                [&](catalog::Connection& db) { move_rows(db, target, copied); });
  for (const Blob& blob : copied.damaged) {
    store.warn("pack " + paths::pack_name(pack.uuid) + ", offset " + std::to_string(blob.place.offset) +
               ": a blob is damaged and was left where it is; run `lastgood verify` to see what it touches");
  }
  return target;
}

}  // namespace lastgood

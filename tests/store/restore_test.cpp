#include "store/restore.h"

#include <catch2/catch.hpp>

using namespace lastgood;

namespace {

catalog::NewBlob blob(std::uint64_t offset, std::uint8_t hash, format::FrameKind kind = format::FrameKind::chunk,
                      std::uint64_t raw_bytes = 100) {
  catalog::NewBlob blob;
  blob.offset = offset;
  blob.frame.kind = kind;
  blob.frame.raw_bytes = raw_bytes;
  blob.frame.hash.bytes[0] = hash;
  return blob;
}

BlobHash hash(std::uint8_t value) {
  BlobHash hash;
  hash.bytes[0] = value;
  return hash;
}

using Found = std::pair<std::size_t, std::size_t>;
Found place(const std::optional<FoundBlob>& found) {
  return {found.value().pack, found.value().blob};
}

constexpr auto kChunkKind = format::FrameKind::chunk;

}  // namespace

TEST_CASE("a blob is found by kind, hash and size, and the first good copy wins") {
  Inventory inventory;
  inventory.packs = {{format::Uuid::random(), {blob(64, 1), blob(256, 2)}},
                     {format::Uuid::random(), {blob(64, 2), blob(256, 2), blob(512, 3, format::FrameKind::manifest)}}};
  const BlobFinder finder(inventory);
  CHECK(place(finder.find(kChunkKind, hash(1), 100, 1)) == Found{0, 0});
  CHECK(place(finder.find(kChunkKind, hash(2), std::nullopt, 9)) == Found{0, 1});
  CHECK_FALSE(finder.find(kChunkKind, hash(2), 99, 0));
  CHECK_FALSE(finder.find(kChunkKind, hash(3), 100, 0));
  CHECK_FALSE(finder.find(kChunkKind, hash(4), 100, 0));
  CHECK(place(finder.find(format::FrameKind::manifest, hash(3), std::nullopt, 0)) == Found{1, 2});
}

TEST_CASE("two contents of one hash stay apart: a checkpoint's own pack comes first") {
  Inventory inventory;
  inventory.packs = {{format::Uuid::random(), {blob(64, 7)}}, {format::Uuid::random(), {blob(64, 7)}}};
  const BlobFinder finder(inventory);
  CHECK(place(finder.find(kChunkKind, hash(7), 100, 0)) == Found{0, 0});
  CHECK(place(finder.find(kChunkKind, hash(7), 100, 1)) == Found{1, 0});
  CHECK(place(finder.find(kChunkKind, hash(7), 100, 5)) == Found{0, 0});
}

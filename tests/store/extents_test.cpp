#include "store/extents.h"

#include <catch2/catch.hpp>

using namespace lastgood;
using catalog::Blob;
using catalog::BlobState;

namespace {

constexpr std::uint64_t kBlock = 4096;

Blob blob(std::uint64_t offset, std::uint64_t stored, BlobState state = BlobState::live) {
  Blob blob;
  blob.place.offset = offset;
  blob.frame.stored_bytes = stored;
  blob.state = state;
  return blob;
}

}  // namespace

TEST_CASE("only whole blocks that no live frame touches are free") {
  // [64, 10000) dead, [10048, 10148) live with its header, [12288, 30000) dead.
  const std::vector<Blob> blobs = {blob(64, 9872, BlobState::dead), blob(10048, 36),
                                   blob(12288, 17648, BlobState::dead)};
  CHECK(free_extents(blobs, 30000, kBlock) == std::vector<Extent>{{4096, 8192}, {12288, 32768}});
}

TEST_CASE("the pack's header is never free") {
  CHECK(free_extents({}, 3 * kBlock, kBlock) == std::vector<Extent>{{kBlock, 3 * kBlock}});
  CHECK(free_extents({}, kBlock, kBlock).empty());
  CHECK(free_extents({}, 64, kBlock).empty());
}

TEST_CASE("the last block is free with the rest, though the pack ends in it") {
  CHECK(free_extents({}, 2 * kBlock + 1, kBlock) == std::vector<Extent>{{kBlock, 3 * kBlock}});
  const std::vector<Blob> blobs = {blob(2 * kBlock, 100)};
  CHECK(free_extents(blobs, 2 * kBlock + 1000, kBlock) == std::vector<Extent>{{kBlock, 2 * kBlock}});
}

TEST_CASE("a live frame that ends or begins on a block's edge keeps its neighbours free") {
  const std::vector<Blob> blobs = {blob(kBlock, kBlock - 64)};
  CHECK(free_extents(blobs, 4 * kBlock, kBlock) == std::vector<Extent>{{2 * kBlock, 4 * kBlock}});
  const std::vector<Blob> one_more = {blob(kBlock, kBlock - 63)};
  CHECK(free_extents(one_more, 4 * kBlock, kBlock) == std::vector<Extent>{{3 * kBlock, 4 * kBlock}});
  const std::vector<Blob> late = {blob(2 * kBlock, 0)};
  CHECK(free_extents(late, 3 * kBlock, kBlock) == std::vector<Extent>{{kBlock, 2 * kBlock}});
}

TEST_CASE("no free extent ever touches a live frame, whatever the block's size") {
  std::vector<Blob> blobs;
  for (std::uint64_t i = 0; i < 200; ++i) {
    blobs.push_back(blob(64 + i * 5056, (i * 977) % 4900, i % 3 == 0 ? BlobState::live : BlobState::dead));
  }
  for (const std::uint64_t block : {512u, 4096u, 65536u}) {
    for (const Extent& free : free_extents(blobs, 64 + 200 * 5056, block)) {
      CHECK(free.begin % block == 0);
      CHECK(free.end % block == 0);
      CHECK(free.begin >= 64);
      for (const Blob& one : blobs) {
        const Extent used = extent_of(one);
        if (one.state == BlobState::live) CHECK((free.end <= used.begin || free.begin >= used.end));
      }
    }
  }
}

TEST_CASE("frames in each other's way, as only a damaged catalog has them, free nothing that is live") {
  const std::vector<Blob> blobs = {blob(64, 40000), blob(128, 10)};
  CHECK(free_extents(blobs, 60000, kBlock) == std::vector<Extent>{{40960, 61440}});
}

TEST_CASE("a packed size counts live frames only, and the alignment of large ones") {
  CHECK(packed_size({}) == 64);
  const std::vector<Blob> small = {blob(64, 100), blob(5000, 100, BlobState::dead)};
  CHECK(packed_size(small) == 64 + 192);
  const std::vector<Blob> large = {blob(4032, 64 * 1024)};
  CHECK(packed_size(large) == 4096 + 64 * 1024);
}

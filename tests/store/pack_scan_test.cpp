#include "store/pack_scan.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include <lastgood/error.h>

#include "store/format/codec.h"
#include "store/format/digest.h"
#include "store/io/pack_writer.h"
#include "store/paths.h"
#include "tests/support/bytes.h"
#include "tests/support/process.h"
#include "tests/support/simulated_disk.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

constexpr std::uint64_t kBlock = 4096;

/// One pack in "/" of a simulated disk.
struct Pack {
  SimulatedDisk disk;
  Process process{disk};
  format::Uuid uuid = format::Uuid::random();
  format::Uuid store = format::Uuid::random();
  io::PackWriter writer{process, "/", {uuid, store}};
  std::filesystem::path path = std::filesystem::path("/") / paths::pack_name(uuid);

  std::uint64_t add(const Bytes& content, format::Codec codec = format::Codec::raw) {
    Bytes stored = content;
    if (codec != format::Codec::raw) stored = format::pack_metadata(content).value().bytes;
    const format::FrameHeader header{format::FrameKind::chunk, codec, content.size(), stored.size(),
                                     format::hash_bytes(content)};
    const io::FrameToWrite frame{header, stored};
    return writer.append({&frame, 1}).front();
  }
  PackScan scan(const format::Uuid& as) {
    return scan_pack(*process.open(path, false), as, kBlock, [](std::uint64_t) {});
  }
  PackScan scan() { return scan(uuid); }
};

std::vector<std::uint64_t> offsets(const PackScan& scan) {
  std::vector<std::uint64_t> found;
  for (const catalog::NewBlob& blob : scan.good) found.push_back(blob.offset);
  return found;
}
using Offsets = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("every frame of a pack is found, small and large, packed and raw, with its store") {
  Pack pack;
  const Offsets added = {pack.add(random_bytes(10, 1)), pack.add(random_bytes(200'000, 2)), pack.add({}),
                         pack.add(Bytes(5000), format::Codec::zstd), pack.add(random_bytes(65, 4))};
  const PackScan scan = pack.scan();
  CHECK(offsets(scan) == added);
  CHECK(scan.damaged.size() == 0);
  CHECK(scan.store == pack.store);
  CHECK(scan.good.at(1).frame.hash == format::hash_bytes(random_bytes(200'000, 2)));
}

TEST_CASE("a pack without frames, and a file without a whole header, hold nothing") {
  Pack pack;
  CHECK(pack.scan().good.empty());
  pack.disk.truncate(pack.path, 10);
  CHECK(pack.scan().good.empty());
  CHECK_FALSE(pack.scan().store);
}

TEST_CASE("wrong content is counted, and what lies behind it is found") {
  Pack pack;
  const auto first = pack.add(random_bytes(100'000, 1));
  const auto second = pack.add(random_bytes(100, 2));
  pack.disk.flip(pack.path, first + 50'000);
  const PackScan scan = pack.scan();
  CHECK(offsets(scan) == Offsets{second});
  CHECK(scan.damaged.size() == 1);
}

TEST_CASE("behind a damaged header the scan goes on") {
  Pack pack;
  const auto first = pack.add(random_bytes(100'000, 1));
  const auto second = pack.add(random_bytes(100, 2));
  pack.disk.flip(pack.path, first + 30);
  CHECK(offsets(pack.scan()) == Offsets{second});
}

TEST_CASE("a damaged pack header costs nothing but the store's name") {
  Pack pack;
  const auto first = pack.add(random_bytes(100, 1));
  pack.disk.flip(pack.path, 20);
  const PackScan scan = pack.scan();
  CHECK(offsets(scan) == Offsets{first});
  CHECK_FALSE(scan.store);
}

TEST_CASE("content that looks like a pack is not taken for frames") {
  Pack inner;
  inner.add(random_bytes(100, 1));
  Pack outer;
  const auto first = outer.add(inner.disk.contents(inner.path));
  CHECK(offsets(outer.scan()) == Offsets{first});
  // Even where the outer header is gone: the inner one names another pack.
  outer.disk.flip(outer.path, first + 30);
  CHECK(outer.scan().good.empty());
}

TEST_CASE("a frame inside of a frame is content, even where it names this pack and its own place") {
  Pack pack;
  const Bytes inner = random_bytes(64, 2);
  const format::FrameHeader header{format::FrameKind::chunk, format::Codec::raw, 64, 64, format::hash_bytes(inner)};
  const std::uint64_t first = format::place_frame(format::kHeaderBytes, 192);
  const auto bytes = format::encode(header, pack.uuid, first + 128);
  Bytes content(192);
  std::copy(bytes.begin(), bytes.end(), content.begin() + 64);
  std::copy(inner.begin(), inner.end(), content.begin() + 128);
  REQUIRE(pack.add(content) == first);
  CHECK(offsets(pack.scan()) == Offsets{first});
  pack.disk.flip(pack.path, first + 30);  // and this is what the scan would find otherwise
  CHECK(offsets(pack.scan()) == Offsets{first + 128});
}

TEST_CASE("a frame that the file's end cuts is not taken") {
  Pack pack;
  const auto first = pack.add(random_bytes(100, 1));
  const auto second = pack.add(random_bytes(100'000, 2));
  pack.disk.truncate(pack.path, second + 64 + 99'999);
  const PackScan scan = pack.scan();
  CHECK(offsets(scan) == Offsets{first});
  CHECK(scan.damaged.size() == 1);
}

TEST_CASE("what a collection has punched is no damage") {
  Pack pack;
  const auto first = pack.add(random_bytes(100'000, 1));
  const auto second = pack.add(random_bytes(100'000, 2));
  const auto file = pack.process.open(pack.path, true);
  const std::uint64_t begin = (first + 64 + kBlock - 1) / kBlock * kBlock;
  file->punch_hole(begin, (first + 64 + 100'000) / kBlock * kBlock - begin);
  const PackScan scan = pack.scan();
  CHECK(offsets(scan) == Offsets{second});
  CHECK(scan.damaged.size() == 0);
}

TEST_CASE("a block that two punched neighbours share is no damage, though neither fills it") {
  Pack pack;
  pack.add(random_bytes(2900, 1));
  const auto second = pack.add(random_bytes(3000, 2));  // headers before the block from 4096 to 8192
  const auto third = pack.add(random_bytes(3000, 3));
  const auto last = pack.add(random_bytes(100, 4));
  REQUIRE(second < kBlock);
  REQUIRE(third < 2 * kBlock);
  REQUIRE(last > 2 * kBlock);
  pack.process.open(pack.path, true)->punch_hole(kBlock, kBlock);
  CHECK(offsets(pack.scan()) == Offsets{64, last});
  CHECK(pack.scan().damaged.empty());
}

TEST_CASE("a small payload that is wrong, and not punched, is damage") {
  Pack pack;
  const auto first = pack.add(random_bytes(100, 1));
  pack.disk.damage(pack.path, first + 64 + 50, Bytes(50));
  CHECK(pack.scan().damaged.size() == 1);
}

TEST_CASE("a pack under the name of another is refused") {
  Pack pack;
  pack.add(random_bytes(100, 1));
  CHECK(thrown_by([&] { pack.scan(format::Uuid::random()); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("the scan tells how far it is, and an exception stops it") {
  Pack pack;
  pack.add(random_bytes(3u << 20, 1));
  pack.add(random_bytes(3u << 20, 2));
  std::vector<std::uint64_t> told;
  const auto file = pack.process.open(pack.path, false);
  scan_pack(*file, pack.uuid, kBlock, [&](std::uint64_t offset) { told.push_back(offset); });
  CHECK(told.size() >= 2);
  CHECK(told.back() == file->size());
  CHECK(std::is_sorted(told.begin(), told.end()));
  const auto stop = [](std::uint64_t) { throw Error(ErrorCode::cancelled, "", "stop"); };
  CHECK(thrown_by([&] { scan_pack(*file, pack.uuid, kBlock, stop); }).code() == ErrorCode::cancelled);
}

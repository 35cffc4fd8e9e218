#include "store/compact.h"

#include <catch2/catch.hpp>

#include <lastgood/gc.h>
#include <lastgood/verify.h>

#include "store/catalog/blobs.h"
#include "store/catalog/packs.h"
#include "store/paths.h"
#include "tests/store/simulated_store.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kMiB = 1u << 20;

struct Compactable {
  SimulatedStore store;
  CheckpointId id = store.save({.step = 1, .entries = weights(1)});

  catalog::PackRow pack() const {
    std::vector<catalog::PackRow> packs;
    store.catalog().read([&](catalog::Connection& db) { packs = catalog::list_packs(db); });
    return packs.at(0);
  }
  std::vector<catalog::Blob> blobs() const {
    const catalog::PackId first = pack().id;
    std::vector<catalog::Blob> blobs;
    store.catalog().read([&](catalog::Connection& db) { blobs = catalog::blobs_in_pack(db, first); });
    return blobs;
  }
};

}  // namespace

TEST_CASE("a copy must be worth what it frees") {
  CHECK_FALSE(worth_compacting(10 * kMiB, 10 * kMiB, false));
  CHECK_FALSE(worth_compacting(10 * kMiB, 11 * kMiB, false));
  CHECK_FALSE(worth_compacting(8 * kMiB, 7 * kMiB, false));
  CHECK(worth_compacting(8 * kMiB, 7 * kMiB - 1, false));
  CHECK(worth_compacting(8192, 4096, false));
  CHECK_FALSE(worth_compacting(8192, 4096, true));
  CHECK_FALSE(worth_compacting(10 * kMiB, 5 * kMiB, true));
  CHECK(worth_compacting(10 * kMiB, 5 * kMiB - 1, true));
  CHECK_FALSE(worth_compacting(2 * kMiB, kMiB, true));
}

TEST_CASE("compaction moves every live blob, and leaves the old pack to the caller") {
  Compactable all;
  const auto old = all.pack();
  const format::Uuid fresh = compact(all.store.store().impl(), old, all.blobs());
  for (const catalog::Blob& chunk : all.store.chunks(all.id)) CHECK(chunk.place.pack_uuid == fresh);
  CHECK(all.store.loads(all.id));
  CHECK(all.store.disk.exists(paths::pack("/store", old.uuid)));
  all.store.disk.remove(paths::pack("/store", old.uuid));
  all.store.reopen();
  CHECK(all.store.loads(all.id));
}

TEST_CASE("a compaction is durable when it returns") {
  Compactable all;
  compact(all.store.store().impl(), all.pack(), all.blobs());
  for (const PowerLoss loss : kPowerLosses) {
    CAPTURE(to_string(loss));
    const auto later = all.store.disk.after_power_loss(loss, 7);
    Process after(*later);
    const Store store = open_store("/store", OpenMode::open, {}, after);
    CHECK(verify(store).ok());
  }
}

TEST_CASE("damaged bytes are never copied: they stay, marked, with a warning") {
  Compactable all;
  const auto old = all.pack();
  const catalog::Blob bad = all.store.chunks(all.id).at(1);
  all.store.damage(bad);
  const format::Uuid fresh = compact(all.store.store().impl(), old, all.blobs());
  const auto chunks = all.store.chunks(all.id);
  CHECK(chunks.at(0).place.pack_uuid == fresh);
  CHECK(chunks.at(1).place == bad.place);
  CHECK(chunks.at(1).damaged);
  CHECK_FALSE(all.store.info(all.id).intact);
  REQUIRE(all.store.warnings().size() == 1);
  CHECK_THAT(all.store.warnings().at(0), Contains(paths::pack_name(old.uuid)));
}

TEST_CASE("what was healed or forgotten while it was copied keeps its place") {
  Compactable all;
  const auto old = all.pack();
  const auto seen = all.blobs();
  const CheckpointId next = all.store.save({.step = 2, .entries = weights(2)});
  forget(all.store.store(), {&all.id, 1});
  all.store.catalog().write(catalog::Durability::durable,
                            [](catalog::Connection& db) { catalog::mark_unreferenced(db); });
  compact(all.store.store().impl(), old, seen);
  for (const catalog::Blob& blob : all.blobs()) CHECK(blob.state == catalog::BlobState::dead);
  CHECK(all.blobs().size() == seen.size());
  CHECK(collect_garbage(all.store.store()).packs_removed == 2);  // the old one, and the copies that nobody needs
  CHECK(all.store.loads(next));
}

TEST_CASE("crumbs between dead frames are gathered once they waste more than a copy costs") {
  SimulatedStore store;
  // Small live frames, each in the middle of a block that dead neighbours share: holes cannot win those blocks.
  std::vector<std::pair<std::string, Bytes>> crumbs, both;
  for (std::uint64_t i = 0; i < 400; ++i) {
    crumbs.emplace_back("live" + std::to_string(i), random_bytes(100, i));
    both.push_back(crumbs.back());
    both.emplace_back("dead" + std::to_string(i), random_bytes(3600, 10'000 + i));
  }
  const CheckpointId first = store.save({.step = 1, .entries = both});
  const CheckpointId second = store.save({.step = 2, .entries = crumbs});
  forget(store.store(), {&first, 1});
  const GcReport report = collect_garbage(store.store());
  CHECK(report.packs_compacted == 1);
  CHECK(report.bytes_freed > kMiB);
  CHECK(store.loads(second));
  CHECK(store.allocated() < kMiB / 4);
}

TEST_CASE("a pack with a damaged blob is not copied again and again") {
  SimulatedStore store(kWithoutHoles);
  const auto shared = random_bytes(8 * kChunk, 100);
  const auto first = store.save({.step = 1, .entries = {{"a", random_bytes(8 * kChunk, 1)}, {"b", shared}}});
  const auto second = store.save({.step = 2, .entries = {{"b", shared}}});
  store.damage(store.chunks(second).at(0));
  forget(store.store(), {&first, 1});
  CHECK(collect_garbage(store.store()).packs_compacted == 1);  // finds the damage
  CHECK(collect_garbage(store.store()).packs_compacted == 0);
  const auto files = store.pack_files();
  collect_garbage(store.store());
  CHECK(store.pack_files() == files);
}

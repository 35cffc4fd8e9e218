#include <lastgood/gc.h>

#include <catch2/catch.hpp>

#include <lastgood/annotate.h>

#include "store/catalog/blobs.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/packs.h"
#include "store/paths.h"
#include "tests/store/simulated_store.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

GcReport gc(const StoreFixture& store) {
  return collect_garbage(store.store());
}

void forget_one(const StoreFixture& store, CheckpointId id) {
  forget(store.store(), {&id, 1});
}

/// Two checkpoints that share half of their chunks: the first pack holds live and dead frames once 1 is forgotten.
std::vector<std::pair<std::string, Bytes>> half_shared(std::uint64_t seed) {
  return {{"own", random_bytes(8 * kChunk, seed)}, {"shared", random_bytes(8 * kChunk, 100)}};
}

constexpr CheckpointId k1{1}, k2{2};

}  // namespace

TEST_CASE("a pack that nothing needs is removed, and its space is free") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 8)});
  store.save({.step = 2, .entries = weights(2, 8)});
  const auto before = store.allocated();
  forget_one(store, k1);
  const GcReport report = gc(store);
  CHECK(report.packs_removed == 1);
  CHECK(report.blobs_freed == 10);  // chunks, manifest, record
  CHECK(report.bytes_freed > 8 * kChunk);
  CHECK(store.allocated() == before - report.bytes_freed);
  CHECK(store.pack_files().size() == 1);
  CHECK(store.loads(k2));
  CHECK(gc(store).blobs_freed == 0);
}

TEST_CASE("a pack that something needs is punched, and only what nobody needs goes") {
  SimulatedStore store;
  store.save({.step = 1, .entries = half_shared(1)});
  store.save({.step = 2, .entries = half_shared(2)});
  const auto before = store.allocated();
  forget_one(store, k1);
  const GcReport report = gc(store);
  CHECK(report.packs_removed == 0);
  CHECK(report.packs_compacted == 0);
  CHECK(report.blobs_freed == 10);
  CHECK(report.bytes_freed >= 8 * kChunk);
  CHECK(store.allocated() == before - report.bytes_freed);
  CHECK(store.loads(k2));
  CHECK(store.catalog().integrity_problems().empty());
}

TEST_CASE("holes are punched on the machine's own file system, too") {
  StoreFixture store;
  store.save({.step = 1, .entries = half_shared(1)});
  store.save({.step = 2, .entries = half_shared(2)});
  const auto before = store.allocated();
  forget_one(store, k1);
  const GcReport report = gc(store);
  CHECK(store.allocated() <= before - 8 * kChunk);
  CHECK(report.bytes_freed >= 8 * kChunk);
  CHECK(store.loads(k2));
  CHECK(store.warnings().empty());
}

TEST_CASE("where there are no holes, what is needed moves to a new pack and the old one goes") {
  SimulatedStore store(kWithoutHoles);
  store.save({.step = 1, .entries = half_shared(1)});
  store.save({.step = 2, .entries = half_shared(2)});
  const auto old_place = store.chunks(k2).back().place;
  const auto before = store.allocated();
  forget_one(store, k1);
  const GcReport report = gc(store);
  CHECK(report.packs_compacted == 1);
  CHECK(report.packs_removed == 1);
  CHECK(report.bytes_freed >= 8 * kChunk);
  CHECK(store.allocated() == before - report.bytes_freed);
  CHECK(store.chunks(k2).back().place.pack_uuid != old_place.pack_uuid);
  CHECK(store.loads(k2));
  CHECK(gc(store).packs_compacted == 0);  // nothing is left to win
}

TEST_CASE("what is needed by anyone, or protected, is never collected") {
  SimulatedStore store;
  for (Step step = 1; step <= 3; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step))});
  }
  rollback(store.store(), k1);
  CHECK(gc(store).blobs_freed == 0);
  for (const CheckpointInfo& checkpoint : list_checkpoints(store.store())) CHECK(store.loads(checkpoint.id));
}

TEST_CASE("the pack of a save in flight and what it pinned are spared") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  store.save({.step = 2, .entries = weights(2)});
  const auto pinned = store.chunks(k1);
  OpenSave save = store.begin_save();
  store.write_pack(save, random_bytes(kChunk, 5));
  store.catalog().write(catalog::Durability::durable, [&](catalog::Connection& db) {
    const catalog::BlobId ids[] = {pinned.at(0).id};
    catalog::pin_live(db, save.rows.save, ids);
  });
  forget_one(store, k1);
  const GcReport report = gc(store);
  CHECK(report.dead_saves == 0);
  CHECK(report.packs_removed == 0);
  CHECK(report.blobs_freed == 5);  // three chunks, manifest and record: not the pinned chunk
  CHECK(store.disk.exists(paths::pack("/store", save.uuid)));
  store.catalog().read([&](catalog::Connection& db) {
    CHECK(catalog::find_blob(db, pinned.at(0).id)->state == catalog::BlobState::live);
    CHECK(catalog::save_exists(db, save.rows.save));
  });
}

TEST_CASE("a save whose process died is cleaned up with its pack, its pins and its lock file") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  OpenSave save = store.begin_save();
  store.write_pack(save, random_bytes(kChunk, 5));
  save.lock.reset();  // death
  const GcReport report = gc(store);
  CHECK(report.dead_saves == 1);
  CHECK(report.packs_removed == 1);
  CHECK_FALSE(store.disk.exists(paths::pack("/store", save.uuid)));
  CHECK_FALSE(store.disk.exists(paths::save_lock("/store", save.uuid)));
  CHECK(store_stats(store.store()).saves_in_flight == 0);
  CHECK(store.loads(k1));
}

TEST_CASE("a save that died before its pack was there is cleaned up as well") {
  SimulatedStore store;
  store.begin_save().lock.reset();
  const GcReport report = gc(store);
  CHECK(report.dead_saves == 1);
  CHECK(report.packs_removed == 1);
  CHECK(store_stats(store.store()).packs == 0);
}

TEST_CASE("the lock of a dead save is gone as soon as its row is, even where the collection is stopped then") {
  SimulatedStore store;
  OpenSave save = store.begin_save();
  save.lock.reset();
  const GcOptions stopped{false, [](const Progress&) { return false; }};
  CHECK(thrown_by([&] { collect_garbage(store.store(), stopped); }).code() == ErrorCode::cancelled);
  CHECK_FALSE(store.disk.exists(paths::save_lock("/store", save.uuid)));
}

TEST_CASE("a collection sweeps stale lock files") {
  SimulatedStore store;
  const auto stale = paths::save_lock("/store", format::Uuid::random());
  store.process.create(stale);
  gc(store);
  CHECK_FALSE(store.disk.exists(stale));
}

TEST_CASE("one collection at a time: a second is told who is at work") {
  SimulatedStore store;
  const auto other = store.process.try_lock(paths::gc_lock("/store"), io::LockMode::exclusive);
  other->write_note("process 4711 on host node7");
  const Error error = thrown_by([&] { gc(store); });
  CHECK(error.code() == ErrorCode::busy);
  CHECK_THAT(error.what(), Contains("process 4711 on host node7"));
}

TEST_CASE("a read-only handle collects nothing") {
  SimulatedStore store;
  store.reopen(OpenMode::read_only);
  CHECK(thrown_by([&] { gc(store); }).code() == ErrorCode::permission);
}

TEST_CASE("a collection stops when asked, and the next one frees the rest") {
  SimulatedStore store;
  for (Step step = 1; step <= 4; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step))});
  }
  const CheckpointId old[] = {k1, k2, CheckpointId{3}};
  forget(store.store(), old);
  int calls = 0;
  GcOptions options;
  options.progress = [&](const Progress&) { return ++calls < 2; };
  CHECK(thrown_by([&] { collect_garbage(store.store(), options); }).code() == ErrorCode::cancelled);
  CHECK(store.pack_files().size() == 3);  // one was done
  CHECK(store_stats(store.store()).packs == 3);
  CHECK(gc(store).packs_removed == 2);
  CHECK(store.loads(CheckpointId{4}));
}

TEST_CASE("the marking commit writes even where there is nothing to mark") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  const auto before = store.disk.contents("/store/catalog.db");
  gc(store);
  CHECK(store.disk.contents("/store/catalog.db") != before);
}

TEST_CASE("a pack that is gone from the disk stops no collection") {
  SimulatedStore store;
  store.save({.step = 1, .entries = half_shared(1)});
  store.save({.step = 2, .entries = half_shared(2)});
  store.save({.step = 3, .entries = weights(3)});
  store.disk.remove(paths::pack("/store", store.chunks(k1).at(0).place.pack_uuid));
  forget_one(store, k1);
  CHECK(gc(store).packs_removed == 0);
  REQUIRE(store.warnings().size() == 1);
  CHECK_THAT(store.warnings().at(0), Contains("is missing"));
  forget_one(store, k2);
  CHECK(gc(store).packs_removed == 2);
}

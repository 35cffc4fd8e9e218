// Verifying while other handles forget, collect and compact: what they move and remove is no damage.
#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include <lastgood/gc.h>
#include <lastgood/verify.h>

#include "store/catalog/blobs.h"
#include "store/catalog/packs.h"
#include "store/compact.h"
#include "store/paths.h"
#include "store/verify_blobs.h"
#include "tests/store/simulated_store.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

constexpr CheckpointId k1{1};

std::vector<catalog::Blob> all_blobs(const StoreFixture& store) {
  std::vector<catalog::Blob> blobs;
  store.catalog().read([&](catalog::Connection& db) {
    for (const catalog::PackRow& pack : catalog::list_packs(db)) {
      for (const catalog::Blob& blob : catalog::blobs_in_pack(db, pack.id)) blobs.push_back(blob);
    }
  });
  return blobs;
}

CheckedBlobs check(const StoreFixture& store, std::span<const catalog::Blob> blobs) {
  io::PackReader reader(store.files(), paths::blobs(store.path()));
  const VerifyOptions options;
  BlobChecker checker(store.store().impl(), reader, options, 0);
  checker.check(blobs);
  return checker.result();
}

/// Moves everything to a new pack and removes the old one.
void compact_all(const StoreFixture& store) {
  std::vector<catalog::PackRow> packs;
  store.catalog().read([&](catalog::Connection& db) { packs = catalog::list_packs(db); });
  for (const catalog::PackRow& pack : packs) {
    std::vector<catalog::Blob> blobs;
    store.catalog().read([&](catalog::Connection& db) { blobs = catalog::blobs_in_pack(db, pack.id); });
    compact(store.store().impl(), pack, blobs);
    store.files().unlink(paths::pack(store.path(), pack.uuid));
  }
}

}  // namespace

TEST_CASE("blobs that were moved after they were listed are read where they are now") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  const auto listed = all_blobs(store);
  compact_all(store);
  compact_all(store);
  const CheckedBlobs checked = check(store, listed);
  CHECK(checked.bad.empty());
  CHECK(checked.blobs == listed.size());
}

TEST_CASE("blobs that were collected after they were listed are no damage, and not counted") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  const auto listed = all_blobs(store);
  store.save({.step = 2, .entries = weights(2)});
  forget(store.store(), {&k1, 1});
  collect_garbage(store.store());
  const CheckedBlobs checked = check(store, listed);
  CHECK(checked.bad.empty());
  CHECK(checked.blobs == 0);
}

TEST_CASE("a blob that is damaged at its new place is damage there") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 1)});
  const auto listed = all_blobs(store);
  compact_all(store);
  const catalog::Blob moved = store.chunks(k1).at(0);
  store.damage(moved);
  const CheckedBlobs checked = check(store, listed);
  REQUIRE(checked.bad.size() == 1);
  CHECK(checked.bad.at(0).blob.place == moved.place);
}

TEST_CASE("a whole check beside a busy trainer and collector finds nothing wrong") {
  StoreFixture store;
  Store other = Store::open(store.path());
  std::atomic<bool> stop = false;
  std::vector<VerifyReport> reports;
  std::thread verifier([&] {
    // At least once, and as often as fits beside the work below.
    do {
      reports.push_back(verify(other));
    } while (!stop);
  });
  const auto shared = random_bytes(2 * kChunk, 100);
  for (std::uint64_t i = 1; i <= 12; ++i) {
    const CheckpointId saved =
        store.save({.step = static_cast<Step>(i), .entries = {{"a", random_bytes(2 * kChunk, i)}, {"b", shared}}});
    const CheckpointId previous{saved.value - 1};
    if (i > 1) forget(store.store(), {&previous, 1});
    collect_garbage(store.store());
    if (i % 4 == 0) compact_all(store);
  }
  stop = true;
  verifier.join();
  for (const VerifyReport& report : reports) {
    for (const Damage& damage : report.damages) FAIL_CHECK(damage.entry << ": " << damage.what);
  }
  CHECK(verify(store.store()).ok());
}

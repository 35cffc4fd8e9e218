#include <lastgood/history.h>

#include <catch2/catch.hpp>

#include <lastgood/annotate.h>

#include "store/catalog/blobs.h"
#include "store/catalog/checkpoints.h"
#include "tests/store/store_fixture.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

std::vector<std::int64_t> ids(const std::vector<CheckpointInfo>& checkpoints) {
  std::vector<std::int64_t> values;
  for (const CheckpointInfo& checkpoint : checkpoints) values.push_back(checkpoint.id.value);
  return values;
}

}  // namespace

TEST_CASE("checkpoints are listed newest first, by run and by verdict, as many as asked for") {
  StoreFixture store;
  store.save({.run = "a", .step = 1, .entries = weights(1, 1), .stability = Stability::stable});
  store.save({.run = "b", .step = 1, .entries = weights(2, 1)});
  store.save({.run = "a", .step = 2, .entries = weights(3, 1)});
  const auto list = [&](ListQuery query) { return ids(list_checkpoints(store.store(), query)); };
  CHECK(list({}) == std::vector<std::int64_t>{3, 2, 1});
  CHECK(list({"a", std::nullopt, 0}) == std::vector<std::int64_t>{3, 1});
  CHECK(list({"a", Stability::stable, 0}) == std::vector<std::int64_t>{1});
  CHECK(list({std::nullopt, std::nullopt, 2}) == std::vector<std::int64_t>{3, 2});
  CHECK(list({"none", std::nullopt, 0}).empty());
}

TEST_CASE("a checkpoint that is not there is nothing, and no error") {
  StoreFixture store;
  CHECK_FALSE(find_checkpoint(store.store(), CheckpointId{1}));
  CHECK_FALSE(last_stable(store.store(), "none"));
  CHECK(list_runs(store.store()).empty());
  CHECK(list_sessions(store.store()).empty());
}

TEST_CASE("the last stable checkpoint is passed over once it is damaged") {
  StoreFixture store;
  const auto good = store.save({.step = 1, .entries = weights(1, 1), .stability = Stability::stable});
  const auto bad = store.save({.step = 2, .entries = weights(2, 1), .stability = Stability::stable});
  CHECK(last_stable(store.store(), "demo")->id == bad);
  store.catalog().write(catalog::Durability::durable, [&](catalog::Connection& db) {
    catalog::set_damaged(db, catalog::checkpoint_blobs(db, bad)->chunks.at(0).id, true);
  });
  CHECK(last_stable(store.store(), "demo")->id == good);
}

TEST_CASE("what is unique to a checkpoint leaves out what others share") {
  StoreFixture store;
  const auto shared = weights(1, 4);
  const auto first = store.save({.step = 1, .entries = shared});
  const auto alone = bytes_unique(store.store(), first);
  CHECK(alone > 4 * kChunk);
  store.save({.step = 2, .entries = shared});
  CHECK(bytes_unique(store.store(), first) < kChunk);  // its record only: the manifest is shared, too
  CHECK(thrown_by([&] { bytes_unique(store.store(), CheckpointId{9}); }).code() == ErrorCode::not_found);
}

TEST_CASE("what is unique to each of many is told at once, and those that are gone are left out") {
  StoreFixture store;
  const auto shared = weights(1, 4);
  const auto first = store.save({.step = 1, .entries = shared});
  const auto second = store.save({.step = 2, .entries = shared});
  const auto third = store.save({.step = 3, .entries = weights(2, 2)});
  const CheckpointId ids[] = {third, CheckpointId{99}, first, second};
  const auto unique = bytes_unique(store.store(), ids);
  REQUIRE(unique.size() == 3);
  for (const CheckpointId id : {first, second, third}) CHECK(unique.at(id) == bytes_unique(store.store(), id));
  CHECK(unique.at(third) > 2 * kChunk);
  CHECK(bytes_unique(store.store(), std::span<const CheckpointId>()).empty());
}

TEST_CASE("the statistics count what is stored, once and as if each stood alone") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1, 4)});
  store.save({.step = 2, .entries = weights(1, 4)});
  const StoreStats stats = store_stats(store.store());
  CHECK(stats.runs == 1);
  CHECK(stats.checkpoints == 2);
  CHECK(stats.packs == 2);
  CHECK(stats.bytes_logical == 8 * kChunk);
  CHECK(stats.bytes_raw >= 4 * kChunk);
  CHECK(stats.bytes_raw < 5 * kChunk);
  CHECK(stats.bytes_on_disk == store.allocated());
  CHECK(stats.bytes_on_disk >= stats.bytes_stored);
  CHECK(stats.catalog_bytes > 0);
  CHECK(stats.saves_in_flight == 0);
  const OpenSave save = store.begin_save();
  CHECK(store_stats(store.store()).saves_in_flight == 1);
}

TEST_CASE("a read-only handle answers every question") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1, 1)});
  store.reopen(OpenMode::read_only);
  CHECK(list_checkpoints(store.store()).size() == 1);
  CHECK(list_runs(store.store()).size() == 1);
  CHECK(store_stats(store.store()).checkpoints == 1);
  CHECK(bytes_unique(store.store(), CheckpointId{1}) > 0);
}

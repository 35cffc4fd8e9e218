#include <lastgood/gc.h>

#include <catch2/catch.hpp>

#include <lastgood/annotate.h>

#include "store/catalog/runs.h"
#include "tests/store/store_fixture.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// Checkpoints 1 to 4 in a row; 4 is the head.
struct Four : StoreFixture {
  Four() {
    for (Step step = 1; step <= 4; ++step) save({.step = step, .entries = weights(static_cast<std::uint64_t>(step))});
  }
  ForgetReport forget_ids(std::vector<CheckpointId> ids, bool dry_run = false) const {
    return forget(store(), ids, dry_run);
  }
  Error refusal(std::vector<CheckpointId> ids) const {
    return thrown_by([&] { forget_ids(ids); });
  }
};

constexpr CheckpointId k1{1}, k2{2}, k3{3}, k4{4};

}  // namespace

TEST_CASE("a forgotten checkpoint is gone, its children have its parent, and the bytes wait for gc") {
  Four store;
  const auto before = store.allocated();
  const ForgetReport report = store.forget_ids({k2});
  CHECK(report.forgotten == std::vector<CheckpointId>{k2});
  CHECK(report.bytes_released > 4 * kChunk);
  CHECK_FALSE(find_checkpoint(store.store(), k2));
  CHECK(store.info(k3).parent == k1);
  CHECK(store.allocated() == before);
  CHECK(store_stats(store.store()).bytes_dead == report.bytes_released);
}

TEST_CASE("a whole stretch is forgotten at once, in any order, each once") {
  Four store;
  CHECK(store.forget_ids({k3, k1, k2, k1}).forgotten == std::vector<CheckpointId>{k1, k2, k3});
  CHECK_FALSE(store.info(k4).parent);
  store.reopen();
  CHECK(list_checkpoints(store.store()).size() == 1);
  CHECK(store.loads(k4));
}

TEST_CASE("forgetting nothing changes nothing") {
  Four store;
  CHECK(store.forget_ids({}).forgotten.empty());
  CHECK(list_checkpoints(store.store()).size() == 4);
}

TEST_CASE("a dry run tells the same and changes nothing, also on a read-only handle") {
  Four store;
  store.reopen(OpenMode::read_only);
  const ForgetReport would = store.forget_ids({k1, k2}, true);
  CHECK(list_checkpoints(store.store()).size() == 4);
  CHECK(store.refusal({k1}).code() == ErrorCode::permission);
  store.reopen();
  const ForgetReport did = store.forget_ids({k1, k2});
  CHECK(would.forgotten == did.forgotten);
  CHECK(would.bytes_released == did.bytes_released);
}

TEST_CASE("content that others share is not counted as released") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1)});
  store.save({.step = 2, .entries = weights(1)});
  const CheckpointId first[] = {k1};
  CHECK(forget(store.store(), first).bytes_released < kChunk);
  CHECK(store.loads(k2));
}

TEST_CASE("what is protected is not forgotten, and the message says by what") {
  Four store;
  CHECK_THAT(store.refusal({k4}).what(), Contains("the head of run demo"));
  tag(store.store(), "best", k1);
  CHECK_THAT(store.refusal({k1}).what(), Contains("tagged best"));
  pin(store.store(), k2);
  CHECK_THAT(store.refusal({k2}).what(), Contains("pinned"));
  set_stability(store.store(), k3, Stability::stable);
  CHECK_THAT(store.refusal({k3}).what(), Contains("newest stable"));
  CHECK(store.refusal({k3}).code() == ErrorCode::invalid_argument);
}

TEST_CASE("a checkpoint that is protected in several ways is named once, with all of them") {
  Four store;
  tag(store.store(), "best", k4);
  pin(store.store(), k4);
  pin(store.store(), k1);
  CHECK_THAT(store.refusal({k4, k1}).what(),
             StartsWith("checkpoint 1 is pinned; checkpoint 4 is the head of run demo, tagged best, pinned: nothing"));
}

TEST_CASE("what an open session resumed from is not forgotten until it ends") {
  Four store;
  rollback(store.store(), k2);
  SessionId session;
  store.catalog().write(catalog::Durability::durable, [&](catalog::Connection& db) {
    const RunId run = catalog::find_run(db, "demo").value();
    session = catalog::begin_session(db, {run, format::Uuid::random(), 1, "host"});
  });
  store.save({.step = 3, .entries = weights(9)});
  CHECK_THAT(store.refusal({k2}).what(), Contains("open session"));
  store.catalog().write(catalog::Durability::durable,
                        [&](catalog::Connection& db) { catalog::end_session(db, session, SessionState::completed); });
  CHECK(store.forget_ids({k2}).forgotten.size() == 1);
}

TEST_CASE("one protected or absent checkpoint stops the whole request") {
  Four store;
  CHECK(store.refusal({k1, k4}).code() == ErrorCode::invalid_argument);
  const Error absent = store.refusal({k1, CheckpointId{7}});
  CHECK(absent.code() == ErrorCode::not_found);
  CHECK(absent.subject() == "7");
  CHECK(list_checkpoints(store.store()).size() == 4);
}

#include "store/retention.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <lastgood/annotate.h>

#include "store/catalog/checkpoints.h"
#include "store/paths.h"
#include "tests/store/simulated_store.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Ids = std::vector<std::int64_t>;

namespace {

/// Ids 1 to `count`, newest first, at steps 100, 200, ..., an hour apart.
std::vector<CheckpointInfo> history(std::int64_t count) {
  std::vector<CheckpointInfo> checkpoints;
  for (std::int64_t id = count; id >= 1; --id) {
    CheckpointInfo checkpoint;
    checkpoint.id = CheckpointId{id};
    checkpoint.step = 100 * id;
    checkpoint.created_at_ms = 3'600'000 * id;
    checkpoints.push_back(checkpoint);
  }
  return checkpoints;
}

CheckpointInfo& with_id(std::vector<CheckpointInfo>& checkpoints, std::int64_t id) {
  return *std::find_if(checkpoints.begin(), checkpoints.end(), [&](const auto& one) { return one.id.value == id; });
}

Ids kept(const RetentionPolicy& policy, const std::vector<CheckpointInfo>& newest_first) {
  Ids ids;
  for (const CheckpointId id : kept_by(policy, newest_first)) ids.push_back(id.value);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

RetentionPolicy policy(const std::function<void(RetentionPolicy&)>& set) {
  RetentionPolicy policy;
  set(policy);
  return policy;
}

ErrorCode refusal(const std::function<void(RetentionPolicy&)>& set) {
  return thrown_by([&] { check_policy(policy(set)); }).code();
}

}  // namespace

TEST_CASE("a policy without a rule keeps everything") {
  CHECK(kept({}, history(3)) == Ids{1, 2, 3});
  CHECK(kept(policy([](auto& p) { p.run = "demo"; }), history(3)) == Ids{1, 2, 3});
}

TEST_CASE("keep_last keeps the newest, and more than there are is all") {
  const auto last = [](std::uint64_t n) { return policy([=](auto& p) { p.keep_last = n; }); };
  CHECK(kept(last(2), history(5)) == Ids{4, 5});
  CHECK(kept(last(9), history(3)) == Ids{1, 2, 3});
  CHECK(kept(last(0), history(3)).empty());
  CHECK(kept(last(2), {}).empty());
}

TEST_CASE("keep_stable counts stable checkpoints only") {
  auto checkpoints = history(5);
  for (const std::int64_t id : {1, 2, 4}) with_id(checkpoints, id).stability = Stability::stable;
  with_id(checkpoints, 5).stability = Stability::unstable;
  CHECK(kept(policy([](auto& p) { p.keep_stable = 2; }), checkpoints) == Ids{2, 4});
}

TEST_CASE("damaged checkpoints take no place of intact ones") {
  auto checkpoints = history(5);
  with_id(checkpoints, 4).intact = false;
  CHECK(kept(policy([](auto& p) { p.keep_last = 2; }), checkpoints) == Ids{3, 4, 5});
  for (auto& checkpoint : checkpoints) checkpoint.stability = Stability::stable;
  CHECK(kept(policy([](auto& p) { p.keep_stable = 2; }), checkpoints) == Ids{3, 4, 5});
}

TEST_CASE("keep_every keeps the steps that it divides") {
  CHECK(kept(policy([](auto& p) { p.keep_every = 200; }), history(5)) == Ids{2, 4});
  CHECK(kept(policy([](auto& p) { p.keep_every = 1; }), history(2)) == Ids{1, 2});
}

TEST_CASE("keep_within is measured from the newest checkpoint, both ends included") {
  const auto within = [](std::chrono::seconds age) { return policy([=](auto& p) { p.keep_within = age; }); };
  CHECK(kept(within(std::chrono::hours(2)), history(5)) == Ids{3, 4, 5});
  CHECK(kept(within(std::chrono::hours(2) - std::chrono::seconds(1)), history(5)) == Ids{4, 5});
  CHECK(kept(within(std::chrono::seconds(0)), history(5)) == Ids{5});
  CHECK(kept(within(std::chrono::seconds::max()), history(5)) == Ids{1, 2, 3, 4, 5});
}

TEST_CASE("a clock that ran backwards makes no checkpoint older than the newest time") {
  auto checkpoints = history(3);
  with_id(checkpoints, 3).created_at_ms = 0;
  CHECK(kept(policy([](auto& p) { p.keep_within = std::chrono::hours(1); }), checkpoints) == Ids{1, 2});
}

TEST_CASE("keep_best ranks by a metric, smaller or larger, and finite ones only") {
  auto checkpoints = history(6);
  const std::map<std::int64_t, double> losses = {{1, 0.5}, {2, -INFINITY}, {3, 0.2}, {4, NAN}, {5, 0.9}};
  for (const auto& [id, loss] : losses) with_id(checkpoints, id).metrics["loss"] = loss;
  const auto best = [](std::uint64_t n, bool max) {
    return policy([=](auto& p) {
      p.best_metric = "loss";
      p.keep_best = n;
      p.best_is_max = max;
    });
  };
  CHECK(kept(best(2, false), checkpoints) == Ids{1, 3});
  CHECK(kept(best(1, true), checkpoints) == Ids{5});
  CHECK(kept(best(9, false), checkpoints) == Ids{1, 3, 5});
  with_id(checkpoints, 3).intact = false;
  CHECK(kept(best(1, false), checkpoints) == Ids{1, 3});
}

TEST_CASE("of equally good checkpoints the newer one is kept") {
  auto checkpoints = history(3);
  for (auto& checkpoint : checkpoints) checkpoint.metrics["loss"] = 1.0;
  CHECK(kept(policy([](auto& p) { p.best_metric = "loss", p.keep_best = 1; }), checkpoints) == Ids{3});
}

TEST_CASE("what any rule keeps is kept") {
  auto checkpoints = history(6);
  with_id(checkpoints, 1).stability = Stability::stable;
  with_id(checkpoints, 3).metrics["loss"] = 0.1;
  const auto all = policy([](auto& p) {
    p.keep_last = 1;
    p.keep_stable = 1;
    p.keep_every = 400;
    p.best_metric = "loss";
    p.keep_best = 1;
  });
  CHECK(kept(all, checkpoints) == Ids{1, 3, 4, 6});
}

TEST_CASE("a policy that contradicts itself is refused") {
  CHECK(refusal([](auto& p) { p.keep_every = 0; }) == ErrorCode::invalid_argument);
  CHECK(refusal([](auto& p) { p.keep_every = -5; }) == ErrorCode::invalid_argument);
  CHECK(refusal([](auto& p) { p.keep_within = std::chrono::seconds(-1); }) == ErrorCode::invalid_argument);
  CHECK(refusal([](auto& p) { p.keep_best = 2; }) == ErrorCode::invalid_argument);
  CHECK(refusal([](auto& p) { p.best_metric = "loss"; }) == ErrorCode::invalid_argument);
}

TEST_CASE("expired() judges run by run, spares what is protected, and lists the oldest first") {
  StoreFixture store;
  for (Step step = 1; step <= 4; ++step) store.save({.run = "a", .step = step, .entries = weights(1, 1)});
  for (Step step = 1; step <= 2; ++step) store.save({.run = "b", .step = step, .entries = weights(1, 1)});
  tag(store.store(), "keep", CheckpointId{2});
  const auto gone = [&](const RetentionPolicy& by) {
    Ids ids;
    for (const CheckpointInfo& checkpoint : expired(store.store(), by)) ids.push_back(checkpoint.id.value);
    return ids;
  };
  const auto last_one = policy([](auto& p) { p.keep_last = 1; });
  CHECK(gone(last_one) == Ids{1, 3, 5});
  CHECK(gone(policy([](auto& p) { p.keep_last = 1, p.run = "b"; })) == Ids{5});
  CHECK(gone(policy([](auto& p) { p.keep_last = 0; })) == Ids{1, 3, 5});  // heads stay
  CHECK(gone({}).empty());
  CHECK(list_checkpoints(store.store()).size() == 6);
}

TEST_CASE("what is broken and not known as such does not count: older ones stay in its place") {
  SimulatedStore store;
  for (Step step = 1; step <= 5; ++step)
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step))});
  const auto pack_of = [&](std::int64_t id) {
    return paths::pack("/store", store.chunks(CheckpointId{id}).at(0).place.pack_uuid);
  };
  const auto gone = [&](const RetentionPolicy& by) {
    Ids ids;
    for (const CheckpointInfo& checkpoint : expired(store.store(), by)) ids.push_back(checkpoint.id.value);
    return ids;
  };
  const auto last_two = policy([](auto& p) { p.keep_last = 2; });
  CHECK(gone(last_two) == Ids{1, 2, 3});
  CHECK(store.warnings().empty());
  SECTION("the head's pack is gone") {
    store.disk.remove(pack_of(5));
    CHECK(gone(last_two) == Ids{1, 2});
    CHECK_THAT(store.warnings().at(0), Catch::Contains("checkpoint 5") && Catch::Contains("lastgood verify"));
  }
  SECTION("one is cut short, another's frame header is damaged") {
    store.disk.truncate(pack_of(5), 1000);
    store.disk.damage(pack_of(4), store.chunks(CheckpointId{4}).at(1).place.offset, random_bytes(64, 1));
    CHECK(gone(last_two) == Ids{1});
  }
  SECTION("a manifest does not read") {
    catalog::Blob manifest;
    store.catalog().read(
        [&](catalog::Connection& db) { manifest = catalog::checkpoint_blobs(db, CheckpointId{4}).value().manifest; });
    store.damage(manifest);
    CHECK(gone(last_two) == Ids{1, 2});
  }
  SECTION("all that rules without a count would keep is broken") {
    store.disk.remove(pack_of(5));
    CHECK(gone(policy([](auto& p) { p.keep_every = 5; })) == Ids{1, 2, 3});
  }
  SECTION("where nothing is whole, nothing that the rules keep is let go") {
    for (std::int64_t id = 1; id <= 5; ++id) store.disk.remove(pack_of(id));
    CHECK(gone(last_two).empty());
  }
  for (const CheckpointInfo& one : list_checkpoints(store.store())) CHECK(one.intact);  // marks are verify's business
}

TEST_CASE("a mistyped metric lets nothing go, and the metrics that there are are named") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1, 1), .metrics = {{"loss", 1.0}, {"norm", 2.0}}});
  store.save({.step = 2, .entries = weights(1, 1), .metrics = {{"loss", 3.0}}});
  const auto by = policy([](auto& p) { p.keep_best = 1, p.best_metric = "losss"; });
  const Error error = thrown_by([&] { expired(store.store(), by); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.what(), Catch::Contains("there are: loss, norm"));
  CHECK(expired(store.store(), policy([](auto& p) { p.keep_best = 1, p.best_metric = "norm"; })).empty());
}

TEST_CASE("expired() refuses an unknown run and a bad policy") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1, 1)});
  const auto code = [&](const RetentionPolicy& by) { return thrown_by([&] { expired(store.store(), by); }).code(); };
  CHECK(code(policy([](auto& p) { p.run = "dmeo"; })) == ErrorCode::not_found);
  CHECK(code(policy([](auto& p) { p.keep_every = 0; })) == ErrorCode::invalid_argument);
}

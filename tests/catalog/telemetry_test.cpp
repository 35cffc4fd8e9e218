// Telemetry rows: what goes in comes out, and a lineage counts each step once.
#include "store/catalog/telemetry.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A run whose branches and observations a test lays out by hand.
struct Story {
  SampleCatalog sample;
  SessionId session = sample.session("demo");
  BranchId branch = begin(std::nullopt);

  BranchId begin(std::optional<CheckpointId> base) {
    sample.write([&](Connection& c) { branch = begin_branch(c, session, base); });
    return branch;
  }
  void observe(Step first, Step last, double loss) {
    TelemetryBatch batch;
    for (Step step = first; step <= last; ++step) batch.observations.push_back({.step = step, .loss = loss});
    sample.write([&](Connection& c) { insert_telemetry(c, branch, batch); });
  }
  CheckpointId save(Step step) { return sample.add({.step = step}); }
  void rollback(CheckpointId to) {
    sample.write([&](Connection& c) { set_head(c, *find_run(c, "demo"), to); });
    begin(to);
  }
  std::vector<Observation> observations(std::uint64_t limit = 0, std::optional<CheckpointId> leading_to = {}) const {
    return sample.read([&](Connection& c) { return catalog::list_observations(c, {"demo", limit, leading_to}); });
  }
  /// "1:0.5 2:0.5": each step with its loss.
  std::string told(std::uint64_t limit = 0, std::optional<CheckpointId> leading_to = {}) const {
    std::string text;
    for (const Observation& seen : observations(limit, leading_to)) {
      text += (text.empty() ? "" : " ") + std::to_string(seen.step) + ":" +
              std::to_string(static_cast<int>(seen.loss.value()));
    }
    return text;
  }
};

TEST_CASE("an observation tells what was not observed from what was not a number") {
  Story story;
  TelemetryBatch batch;
  batch.observations = {{.step = 1, .loss = 0.1, .gradient_norm = kInfinity, .health = Health::warning},
                        {.step = 2, .loss = kNan, .learning_rate = 1e-3, .health = Health::critical},
                        {.step = 3}};
  story.sample.write([&](Connection& c) { insert_telemetry(c, story.branch, batch); });
  const auto found = story.observations();
  REQUIRE(found.size() == 3);
  CHECK(found[0].loss == 0.1);
  CHECK(found[0].gradient_norm == kInfinity);
  CHECK_FALSE(found[0].learning_rate);
  CHECK(found[0].health == Health::warning);
  CHECK(std::isnan(found[1].loss.value()));
  CHECK_FALSE(found[1].gradient_norm);
  CHECK(found[1].learning_rate == 1e-3);
  CHECK(found[1].session == story.session);
  CHECK_FALSE(found[2].loss);
  CHECK(found[2].health == Health::unchecked);
  CHECK(story.sample.number("SELECT sum(loss_is_nan) FROM v_health") == 1);
}

TEST_CASE("a step that is observed again replaces what was said of it on its branch") {
  Story story;
  story.observe(1, 2, 1);
  story.observe(2, 2, 7);
  CHECK(story.told() == "1:1 2:7");
}

TEST_CASE("steps that a rollback took back are not told of the lineage that went on") {
  Story story;
  story.observe(1, 10, 1);
  const CheckpointId ten = story.save(10);
  story.observe(11, 14, 9);  // diverged
  story.rollback(ten);
  story.observe(11, 12, 2);
  CHECK(story.told(4) == "9:1 10:1 11:2 12:2");
  const CheckpointId twelve = story.save(12);
  story.observe(13, 13, 3);
  CHECK(story.told(3) == "11:2 12:2 13:3");
  CHECK(story.told(3, twelve) == "10:1 11:2 12:2");
  CHECK(story.told(2, ten) == "9:1 10:1");
  CHECK(story.sample.number("SELECT count(*) FROM v_health WHERE loss = 9") == 4);
}

TEST_CASE("what a crashed session did after its last checkpoint is not told of the session that went on from it") {
  Story story;
  story.observe(1, 5, 1);
  const CheckpointId three = story.save(3);
  story.sample.write([&](Connection& c) {
    story.session = begin_session(c, {*find_run(c, "demo"), format::Uuid::random(), 1, "host"});
  });
  story.begin(three);
  CHECK(story.told() == "1:1 2:1 3:1");
  story.observe(4, 4, 2);
  CHECK(story.told() == "1:1 2:1 3:1 4:2");
}

TEST_CASE("a checkpoint that becomes visible late accounts for the steps up to its own") {
  Story story;
  const CheckpointId first = story.save(2);
  story.observe(1, 6, 1);  // 3 to 6 while a save was under way
  const CheckpointId second = story.save(5);
  CHECK(story.told(0, second) == "1:1 2:1 3:1 4:1 5:1");
  CHECK(story.told(0, first) == "1:1 2:1");
  CHECK(story.told(2) == "5:1 6:1");
}

TEST_CASE("observations of an unknown run are not_found, and of a run without any none") {
  Story story;
  CHECK(thrown_by([&] {
          story.sample.read([](Connection& c) { return catalog::list_observations(c, {"dmeo", 0, {}}); });
        }).code() == ErrorCode::not_found);
  CHECK(story.observations().empty());
}

TEST_CASE("events come back newest first, by run, session and severity") {
  Story story;
  TelemetryBatch batch;
  batch.events = {{.step = 3, .kind = "nan_detected", .severity = Severity::critical, .message = "loss is NaN"},
                  {.step = 4, .kind = "rollback", .message = "to 2", .detail = R"({"to":2})"}};
  story.sample.write([&](Connection& c) { insert_telemetry(c, story.branch, batch); });
  const auto ask = [&](const EventQuery& query) {
    return story.sample.read([&](Connection& c) { return catalog::list_events(c, query); });
  };
  const auto all = ask({});
  REQUIRE(all.size() == 2);
  CHECK(all[0].kind == "rollback");
  CHECK(all[0].detail == R"({"to":2})");
  CHECK(all[1].run == "demo");
  CHECK(all[1].session == story.session);
  CHECK(ask({.at_least = Severity::warning}).size() == 1);
  CHECK(ask({.limit = 1}).at(0).step == 4);
  CHECK(ask({.run = "another"}).empty());
  CHECK(ask({.session = story.session}).size() == 2);
  CHECK(ask({.session = SessionId{99}}).empty());
}

TEST_CASE("a recovery is settled later, and one that nobody knows is not_found") {
  Story story;
  Recovery recovery{.step = 9, .failure = "loss_divergence", .action = "reduce_lr_10x", .resumed_step = 5};
  story.sample.write([&](Connection& c) { recovery.id = insert_recovery(c, story.branch, recovery); });
  recovery.outcome = RecoveryOutcome::relapsed;
  story.sample.write([&](Connection& c) { update_recovery(c, recovery); });
  const auto found = story.sample.read([](Connection& c) { return catalog::list_recoveries(c, "demo"); });
  REQUIRE(found.size() == 1);
  CHECK(found[0].outcome == RecoveryOutcome::relapsed);
  CHECK(found[0].failure == "loss_divergence");
  CHECK(found[0].resumed_step == 5);
  CHECK_FALSE(found[0].restored);
  recovery.id = RecoveryId{99};
  CHECK(thrown_by([&] { story.sample.write([&](Connection& c) { update_recovery(c, recovery); }); }).code() ==
        ErrorCode::not_found);
}

TEST_CASE("costs of saves outlive their checkpoints, and failed saves tell why") {
  Story story;
  const CheckpointId id = story.save(1);
  TelemetryBatch batch;
  batch.costs = {{.step = 1, .checkpoint = id, .bytes_new = 5, .blocked = std::chrono::microseconds(7)},
                 {.step = 2, .kind = CheckpointKind::emergency, .error = "disk full"}};
  story.sample.write([&](Connection& c) {
    insert_telemetry(c, story.branch, batch);
    set_head(c, *find_run(c, "demo"), std::nullopt);
    delete_checkpoints(c, {&id, 1});
  });
  const auto found = story.sample.read([](Connection& c) { return catalog::list_save_costs(c, "demo", 0); });
  REQUIRE(found.size() == 2);
  CHECK(found[0].error == "disk full");
  CHECK(found[0].kind == CheckpointKind::emergency);
  CHECK_FALSE(found[0].checkpoint);
  CHECK(found[1].checkpoint == id);
  CHECK(found[1].blocked.count() == 7);
  CHECK(story.sample.is_sound());
}

TEST_CASE("the cost of a checkpoint is one row, which a later one completes") {
  Story story;
  const CheckpointId id = story.save(1);
  const auto write = [&](std::int64_t blocked) {
    const SaveCost cost{.step = 1, .checkpoint = id, .bytes_new = 5, .blocked = std::chrono::microseconds(blocked)};
    story.sample.write([&](Connection& c) { insert_costs(c, story.branch, {&cost, 1}); });
  };
  write(7);
  write(9);
  const auto found = story.sample.read([](Connection& c) { return catalog::list_save_costs(c, "demo", 0); });
  REQUIRE(found.size() == 1);
  CHECK(found[0].blocked.count() == 9);
  CHECK(found[0].bytes_new == 5);
}

TEST_CASE("a value that is never written is corruption") {
  Story story;
  story.observe(1, 1, 1);
  story.sample.tamper("UPDATE observation SET health = 9");
  CHECK(thrown_by([&] { story.observations(); }).code() == ErrorCode::corruption);
}

}  // namespace
}  // namespace lastgood::test

// What a bound monitor records, and how it finds its history again: after a restart, and after a rollback.
#include <fstream>
#include <iterator>

#include <lastgood/history.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/monitor/monitor_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Json = nlohmann::json;

namespace {

struct Fixture {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");

  CheckpointId save(Session& session, Step step, Stability stability = Stability::unknown) const {
    const float value = static_cast<float>(step);
    const TensorView view{.spec = {Section::model, "w", DType::float32, {1}, ""}, .data = &value};
    return session.save(std::vector<TensorView>{view}, {.step = step, .stability = stability}).value();
  }
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE_METHOD(Fixture, "A bound monitor records every observation with its verdict") {
  {
    Session session = store.start_session("demo");
    HealthMonitor monitor;
    monitor.bind(session);
    monitor.observe({.step = 1, .loss = 2, .gradient_norm = 1, .learning_rate = 0.1});
    monitor.observe({.step = 2, .loss = 3, .gradient_norm = 1, .phase = StepPhase::before_optimizer});
    monitor.observe({.step = 2, .scan = clean_scan()});
    monitor.unbind();
    monitor.observe({.step = 3, .loss = 3});
  }
  const auto seen = list_observations(store, {.run = "demo"});
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].loss == 2.0);
  CHECK(seen[0].gradient_norm == 1.0);
  CHECK(seen[0].learning_rate == 0.1);
  CHECK(seen[0].health == Health::unchecked);
  CHECK(seen[1].loss == 3.0);
  CHECK(seen[1].health == Health::healthy);
}

TEST_CASE_METHOD(Fixture, "An alarm is an event that names what went bad") {
  {
    Session session = store.start_session("demo");
    HealthMonitor monitor;
    monitor.bind(session);
    run_steps(monitor, 0, 20);
    TensorScan scan = clean_scan();
    for (int i = 0; i < 20; ++i) {
      scan.tensors.push_back({.name = "b" + std::to_string(i), .kind = TensorKind::buffer, .nan = 4});
    }
    scan.tensors[1].norm = 77;
    monitor.observe({.step = 20, .loss = 2, .gradient_norm = 50, .scan = scan});
    monitor.count_oom();
  }
  const auto events = list_events(store, {.run = "demo"});
  REQUIRE(events.size() == 3);
  CHECK(events[0].kind == "oom");
  const Event& nan = events[1].kind == "nan_detected" ? events[1] : events[2];
  const Event& explosion = events[1].kind == "nan_detected" ? events[2] : events[1];
  CHECK(nan.kind == "nan_detected");
  CHECK(nan.severity == Severity::critical);
  CHECK(nan.step == 20);
  CHECK(nan.message == "NaN in b0, b1, b2 and 17 more");
  const Json detail = Json::parse(nan.detail);
  CHECK(detail["count"] == 20);
  CHECK(detail["tensors"].size() == 12);
  CHECK(detail["tensors"][0] == Json{{"name", "b0"}, {"kind", "buffer"}, {"nan", 4}, {"inf", 0}});
  CHECK(explosion.kind == "gradient_explosion");
  CHECK(Json::parse(explosion.detail)["largest"][0] == Json{{"name", "w.grad"}, {"norm", 77}});
}

TEST_CASE_METHOD(Fixture, "A restart finds its baselines, counts and last stable checkpoint again") {
  CheckpointId head, stable;
  {
    Session session = store.start_session("demo");
    HealthMonitor monitor;
    monitor.bind(session);
    run_steps(monitor, 0, 50, 2, 1);
    stable = save(session, 49, Stability::stable);
    monitor.observe({.step = 50, .loss = 2, .gradient_norm = 1, .scan = nan_scan()});
    run_steps(monitor, 51, 48, 2, 1);
    monitor.observe({.step = 99, .loss = 2, .gradient_norm = 60});
    head = save(session, 99);
  }
  HealthMonitor monitor;
  monitor.restore_history(store, "demo", head);
  const HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.current_step == 99);
  CHECK(board.loss_mean == 2.0);
  CHECK(board.gradient_norm_max == 60.0);
  CHECK(board.recent == FailureCounts{.nan = 1, .gradient_explosion = 1});
  CHECK(board.nan_count == 1);
  CHECK(board.last_stable_checkpoint == stable);
  CHECK(board.last_stable_step == 49);
  CHECK(board.overall_health == Health::warning);
  const StepMetrics next = monitor.observe({.step = 100, .loss = 2, .gradient_norm = 11});
  CHECK(next.gradient_median == 1.0);
  CHECK(next.gradient_explosion);
}

TEST_CASE_METHOD(Fixture, "After a rollback the abandoned branch judges no more") {
  Session session = store.start_session("demo");
  HealthMonitor monitor;
  monitor.bind(session);
  run_steps(monitor, 0, 50, 2, 1);
  const CheckpointId good = save(session, 49, Stability::stable);
  run_steps(monitor, 50, 50, 30, 8);
  monitor.observe({.step = 100, .loss = kNaN, .scan = nan_scan()});
  save(session, 100);
  session.rollback(good);

  monitor.restore_history(store, "demo", good);
  HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.current_step == 49);
  CHECK(board.loss_mean == 2.0);
  CHECK(board.gradient_norm_max == 1.0);
  CHECK(board.recent == FailureCounts{});
  CHECK(board.health_score == 100);
  CHECK(board.last_stable_checkpoint == good);
  CHECK_FALSE(run_steps(monitor, 50, 30, 2, 1).loss_divergence);

  session.rollback(good);  // writes what is buffered, and leaves this branch, too
  HealthMonitor other;
  other.restore_history(store, "demo");
  CHECK(other.get_health_dashboard().current_step == 49);
}

TEST_CASE_METHOD(Fixture, "What kept out of the baseline then keeps out of it after a restart") {
  CheckpointId head;
  {
    Session session = store.start_session("demo");
    HealthMonitor monitor;
    monitor.bind(session);
    run_steps(monitor, 0, 20, 2, 1);
    run_steps(monitor, 20, 60, 2, 40);
    head = save(session, 79);
  }
  HealthMonitor monitor;
  monitor.restore_history(store, "demo", head);
  const StepMetrics next = monitor.observe({.step = 80, .loss = 2, .gradient_norm = 40});
  CHECK(next.gradient_median == 1.0);
  CHECK(next.gradient_explosion);
}

TEST_CASE_METHOD(Fixture, "A loss-scale overflow is none of the failures that a restart counts") {
  CheckpointId head;
  {
    Session session = store.start_session("demo");
    HealthMonitor monitor;
    monitor.bind(session);
    monitor.observe({.step = 0, .loss = 2, .gradient_norm = kInf, .loss_scale_overflow = true});
    monitor.observe({.step = 1, .loss = kNaN, .gradient_norm = 1});
    head = save(session, 1);
  }
  HealthMonitor monitor;
  monitor.restore_history(store, "demo", head);
  CHECK(monitor.get_health_dashboard().recent == FailureCounts{.nan = 1});
}

TEST_CASE_METHOD(Fixture, "The history of a run that is not there is an error, and leaves the monitor as it was") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 20);
  CHECK(thrown_by([&] { monitor.restore_history(store, "nothing"); }).code() == ErrorCode::not_found);
  CHECK(monitor.get_health_dashboard().current_step == 19);
}

TEST_CASE_METHOD(Fixture, "The events of a lineage leave out what an abandoned branch did") {
  Session session = store.start_session("demo");
  session.record(Event{.step = 1, .kind = "before"});
  const CheckpointId good = save(session, 10);
  session.record(Event{.step = 20, .kind = "abandoned"});
  const CheckpointId bad = save(session, 30);
  session.rollback(good);
  session.record(Event{.step = 20, .kind = "after"});
  session.rollback(good);
  CHECK(list_events(store, {.run = "demo"}).size() == 3);
  const auto leading_to_bad = list_events(store, {.leading_to = bad});
  REQUIRE(leading_to_bad.size() == 2);
  CHECK(leading_to_bad[0].kind == "abandoned");
  CHECK(leading_to_bad[1].kind == "before");
  const auto now = list_events(store, {.run = "demo", .lineage_only = true});
  REQUIRE(now.size() == 1);
  CHECK(now[0].kind == "before");
  CHECK(list_events(store, {.limit = 1, .leading_to = bad}).size() == 1);
  CHECK(thrown_by([&] { list_events(store, {.lineage_only = true}); }).code() == ErrorCode::invalid_argument);
  CHECK(thrown_by([&] { list_events(store, {.leading_to = CheckpointId{99}}); }).code() == ErrorCode::not_found);
}

TEST_CASE_METHOD(Fixture, "An export replaces the file of an earlier one, and leaves nothing beside it") {
  HealthMonitor monitor;
  const auto path = dir / "metrics.json";
  monitor.export_metrics(path);
  monitor.observe({.step = 4, .loss = 2});
  monitor.export_metrics(path);
  CHECK(Json::parse(contents(path))["dashboard"]["current_step"] == 4);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++files;
  CHECK(files == 2);  // and the store
}

TEST_CASE_METHOD(Fixture, "An export to a folder that is not there fails, and is told") {
  const Error error = thrown_by([&] { HealthMonitor().export_metrics(dir / "no/metrics.json"); });
  CHECK(error.code() == ErrorCode::io);
}

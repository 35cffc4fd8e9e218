// The monitor as its users see it: defaults, keys, strings, thresholds, alerts, phases.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/monitor/monitor_fixture.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;
using Json = nlohmann::ordered_json;

namespace {

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

std::vector<std::string> actions(const std::vector<Suggestion>& suggestions) {
  std::vector<std::string> names;
  for (const Suggestion& suggestion : suggestions) names.push_back(suggestion.action);
  return names;
}

}  // namespace

TEST_CASE("The options have the reference's defaults") {
  const MonitorOptions options = HealthMonitor().options();
  CHECK(options.check_interval == 10);
  CHECK(options.gradient_window == 100);
  CHECK(options.loss_window == 100);
  CHECK(options.gradient_explosion_threshold == 10.0);
  CHECK(options.loss_divergence_threshold == 0.5);
  CHECK(options.condition_number_threshold == 1e6);
  CHECK(options.schatten_threshold == 100.0);
  CHECK(options.explosion_detector == ExplosionDetector::median_ratio);
}

TEST_CASE("Options that make no sense are refused by name") {
  const auto refused = [](const MonitorOptions& options) {
    const Error error = thrown_by([&] { HealthMonitor monitor(options); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    return error.subject();
  };
  CHECK(refused({.check_interval = 0}) == "check_interval");
  CHECK(refused({.gradient_window = 0}) == "gradient_window");
  CHECK(refused({.loss_window = 19}) == "loss_window");
  CHECK(refused({.gradient_explosion_threshold = kNaN}) == "gradient_explosion_threshold");
  CHECK(refused({.loss_divergence_threshold = 0}) == "loss_divergence_threshold");
  CHECK(refused({.condition_number_threshold = -1}) == "condition_number_threshold");
  CHECK(refused({.schatten_threshold = kInf}) == "schatten_threshold");
  CHECK(refused({.explosion_mad_k = 0}) == "explosion_mad_k");
  CHECK(refused({.vanishing_threshold = 1}) == "vanishing_threshold");
  CHECK(refused({.stagnation_steps = -1}) == "stagnation_steps");
  CHECK(thrown_by([] { HealthMonitor().observe({.step = -1}); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("The dashboard has the reference's 24 keys, in its order") {
  HealthMonitor monitor;
  CHECK(keys_of(Json::parse(monitor.get_health_dashboard().to_json())) ==
        std::vector<std::string>{"current_step",
                                 "last_stable_step",
                                 "steps_since_stable",
                                 "nan_count",
                                 "inf_count",
                                 "gradient_explosion_count",
                                 "loss_divergence_count",
                                 "oom_count",
                                 "current_gradient_norm",
                                 "gradient_norm_mean",
                                 "gradient_norm_std",
                                 "gradient_norm_median",
                                 "gradient_norm_max",
                                 "gradient_norm_min",
                                 "current_loss",
                                 "loss_mean",
                                 "loss_std",
                                 "loss_median",
                                 "loss_trend",
                                 "condition_numbers_history",
                                 "max_condition_number",
                                 "schatten_norms_history",
                                 "overall_health",
                                 "health_score"});
}

TEST_CASE("A dashboard before the first step makes nothing up") {
  const Json board = Json::parse(HealthMonitor().get_health_dashboard().to_json());
  CHECK(board["current_step"].is_null());
  CHECK(board["current_loss"].is_null());
  CHECK(board["max_condition_number"].is_null());
  CHECK(board["loss_trend"] == "insufficient_data");
  CHECK(board["overall_health"] == "unchecked");
  CHECK(board["health_score"] == 100);
}

TEST_CASE("The dashboard has the statistics of the windows") {
  HealthMonitor monitor;
  for (Step step = 0; step < 4; ++step) {
    const auto value = static_cast<double>(step + 1);
    monitor.observe({.step = step, .loss = 10 * value, .gradient_norm = value});
  }
  const HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.current_step == 3);
  CHECK(board.current_gradient_norm == 4.0);
  CHECK(board.gradient_norm_mean == 2.5);
  CHECK(board.gradient_norm_std == Approx(1.118034));
  CHECK(board.gradient_norm_median == 2.5);
  CHECK(board.gradient_norm_max == 4.0);
  CHECK(board.gradient_norm_min == 1.0);
  CHECK(board.current_loss == 40.0);
  CHECK(board.loss_mean == 25.0);
  CHECK(board.loss_std == Approx(11.18034));
  CHECK(board.loss_median == 25.0);
}

TEST_CASE("The dashboard names the trend of the loss") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 10, 2);
  CHECK(monitor.get_health_dashboard().loss_trend == LossTrend::insufficient_data);
  run_steps(monitor, 10, 10, 1);
  CHECK(monitor.get_health_dashboard().loss_trend == LossTrend::improving);
}

TEST_CASE("A verdict speaks for the steps up to the next scan, and no longer") {
  HealthMonitor monitor;
  monitor.observe({.step = 10, .loss = 2, .scan = clean_scan()});
  run_steps(monitor, 11, 9);
  CHECK(monitor.get_health_dashboard().overall_health == Health::healthy);
  run_steps(monitor, 20, 1);
  CHECK(monitor.get_health_dashboard().overall_health == Health::unchecked);
}

TEST_CASE("An export is JSON without a bare NaN, whatever was seen") {
  HealthMonitor monitor;
  monitor.observe({.step = 0, .loss = 1, .gradient_norm = 2});
  monitor.observe({.step = 1,
                   .loss = kNaN,
                   .gradient_norm = kInf,
                   .stability = NumericalStability{.condition_numbers = {{"h\xff", kNaN}, {"s", kInf}},
                                                   .schatten_norms = {{"s", {kNaN, 1}}}}});
  const Json document = Json::parse(monitor.export_metrics());
  CHECK(keys_of(document) == std::vector<std::string>{"gradient_norms", "losses", "condition_numbers_history",
                                                      "failure_counts", "dashboard"});
  CHECK(document["gradient_norms"] == Json{2.0});
  CHECK(document["losses"] == Json{1.0});
  CHECK(document["condition_numbers_history"]["s"] == Json{"inf"});
  CHECK(keys_of(document["failure_counts"]) ==
        std::vector<std::string>{"nan", "inf", "gradient_explosion", "loss_divergence", "oom"});
  CHECK(document["failure_counts"]["nan"] == 1);
  CHECK(document["failure_counts"]["inf"] == 1);
  CHECK(document["dashboard"]["current_loss"] == "nan");
  CHECK(document["dashboard"]["current_gradient_norm"] == "inf");
  CHECK(document["dashboard"]["max_condition_number"] == "inf");
  CHECK(document["dashboard"]["schatten_norms_history"]["s"][0][0] == "nan");
}

TEST_CASE("Suggestions come in the reference's order, each with its reason") {
  HealthMonitor monitor;
  StepMetrics metrics;
  metrics.has_inf = metrics.gradient_explosion = metrics.loss_divergence = metrics.condition_number_high = true;
  metrics.condition_numbers["h"] = 2e6;
  const auto all = monitor.suggest_recovery(metrics);
  CHECK(actions(all) ==
        std::vector<std::string>{"rollback_checkpoint", "reduce_lr_10x", "increase_epsilon", "upgrade_precision"});
  for (const Suggestion& suggestion : all) CHECK(suggestion.reason.size() > 20);
  CHECK_THAT(all[3].reason, Contains("h (2e+06)"));
  metrics.has_inf = false;
  CHECK(monitor.suggest_recovery(metrics)[0].action == "reduce_lr_10x");
  metrics.gradient_explosion = false;
  CHECK(monitor.suggest_recovery(metrics)[0].action == "increase_epsilon");
  metrics.loss_divergence = false;
  CHECK(actions(monitor.suggest_recovery(metrics)) == std::vector<std::string>{"upgrade_precision"});
  metrics.condition_number_high = false;
  CHECK(actions(monitor.suggest_recovery(metrics)) == std::vector<std::string>{"continue"});
}

TEST_CASE("Every threshold is strict") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 90, 2, 1);
  CHECK_FALSE(monitor.observe({.step = 90, .loss = 2, .gradient_norm = 10}).gradient_explosion);
  CHECK(monitor.observe({.step = 91, .loss = 2, .gradient_norm = 10.001}).gradient_explosion);
  const StepMetrics at = run_steps(monitor, 92, 10, 3);
  CHECK(at.loss_increase_pct == 50);
  CHECK_FALSE(at.loss_divergence);
  CHECK(run_steps(monitor, 102, 10, 3.01).loss_divergence);
  const StepMetrics numerics = monitor.observe(
      {.step = 200,
       .stability = NumericalStability{.condition_numbers = {{"h", 1e6}}, .schatten_norms = {{"h", {100, 100}}}}});
  CHECK_FALSE(numerics.condition_number_high);
  CHECK_FALSE(numerics.schatten_norm_high);
}

TEST_CASE("Nine norms judge nothing, ten do") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 9);
  CHECK_FALSE(monitor.observe({.step = 9, .gradient_norm = 1000}).gradient_explosion);
  HealthMonitor more;
  run_steps(more, 0, 10);
  CHECK(more.observe({.step = 10, .gradient_norm = 1000}).gradient_explosion);
}

TEST_CASE("The robust detector can be chosen, and finds what ten times the median does not") {
  HealthMonitor ratio, robust({.explosion_detector = ExplosionDetector::log_mad});
  for (Step step = 0; step < 100; ++step) {
    const double norm = 1 + 0.1 * static_cast<double>(step % 7);
    ratio.observe({.step = step, .gradient_norm = norm});
    robust.observe({.step = step, .gradient_norm = norm});
  }
  CHECK_FALSE(ratio.observe({.step = 100, .gradient_norm = 5}).gradient_explosion);
  CHECK(robust.observe({.step = 100, .gradient_norm = 5}).gradient_explosion);
}

TEST_CASE("A NaN is critical, an explosion or a divergence a warning, stagnation neither") {
  HealthMonitor monitor({.stagnation_steps = 50});
  run_steps(monitor, 0, 30);
  CHECK(monitor.observe({.step = 30, .gradient_norm = 100, .scan = clean_scan()}).overall_health == Health::warning);
  const StepMetrics idle = run_steps(monitor, 31, 60);
  CHECK(idle.loss_stagnation);
  CHECK(idle.overall_health == Health::unchecked);
  CHECK(idle.warnings.empty());
  CHECK(monitor.observe({.step = 91, .loss = 2, .scan = clean_scan()}).overall_health == Health::healthy);
  CHECK(monitor.observe({.step = 92, .loss = kNaN, .gradient_norm = 100}).overall_health == Health::critical);
}

TEST_CASE("NaN and Inf of one tensor are told apart") {
  HealthMonitor monitor;
  const TensorScan scan{{{.name = "a", .nan = 1, .inf = 2}, {.name = "b", .inf = 1}}};
  const StepMetrics metrics = monitor.observe({.step = 0, .scan = scan});
  CHECK(metrics.nan_tensors == std::vector<std::string>{"a"});
  CHECK(metrics.inf_tensors == std::vector<std::string>{"a", "b"});
  CHECK(metrics.errors == std::vector<std::string>{"NaN in a", "Inf in a, b"});
  CHECK(metrics.timestamp > 0);
}

TEST_CASE("A scan is due every check_interval steps, counted from the last one") {
  HealthMonitor monitor;
  CHECK(monitor.scan_is_due(7));
  monitor.observe({.step = 7, .scan = clean_scan()});
  CHECK_FALSE(monitor.scan_is_due(16));
  CHECK(monitor.scan_is_due(17));
  monitor.observe({.step = 12, .scan = clean_scan()});
  CHECK_FALSE(monitor.scan_is_due(21));
  CHECK(monitor.scan_is_due(22));
  CHECK(monitor.scan_is_due(3));
  monitor.observe({.step = 13, .scan = TensorScan{}});
  CHECK(monitor.scan_is_due(22));
}

TEST_CASE("A failure is told once when it begins, and again when it comes back") {
  HealthMonitor monitor;
  Alerts alerts(monitor);
  run_steps(monitor, 0, 20);
  run_steps(monitor, 20, 5, 2, 100);
  REQUIRE(alerts.told.size() == 1);
  CHECK(alerts.told[0].severity == Severity::warning);
  CHECK(alerts.told[0].message == "the gradient exploded: norm 100, median 1");
  CHECK(alerts.told[0].suggestion == "reduce_lr_10x");
  run_steps(monitor, 25, 1);
  run_steps(monitor, 26, 1, 2, 100);
  CHECK(alerts.told.size() == 2);
}

TEST_CASE("A NaN in the weights is one failure from scan to scan") {
  HealthMonitor monitor;
  Alerts alerts(monitor);
  monitor.observe({.step = 0, .loss = 2, .scan = nan_scan()});
  run_steps(monitor, 1, 9);
  monitor.observe({.step = 10, .loss = 2, .scan = nan_scan()});
  REQUIRE(alerts.told.size() == 1);
  CHECK(alerts.told[0].severity == Severity::critical);
  CHECK(alerts.told[0].suggestion == "rollback_checkpoint");
  monitor.observe({.step = 20, .loss = 2, .scan = clean_scan()});
  monitor.observe({.step = 30, .loss = 2, .scan = nan_scan()});
  CHECK(alerts.told.size() == 2);
}

TEST_CASE("After a step back a failure is told anew") {
  HealthMonitor monitor;
  Alerts alerts(monitor);
  monitor.observe({.step = 5, .loss = kNaN});
  monitor.observe({.step = 5, .loss = kNaN});
  CHECK(alerts.told.size() == 2);
}

TEST_CASE("Running out of memory is told with what to do") {
  HealthMonitor monitor;
  Alerts alerts(monitor);
  monitor.count_oom();
  REQUIRE(alerts.told.size() == 1);
  CHECK(alerts.told[0].suggestion == "reduce_batch_size");
  CHECK(monitor.get_health_dashboard().health_score == 90);
}

TEST_CASE("Both phases make one verdict, the worse of the two, and count once") {
  HealthMonitor monitor;
  monitor.observe({.step = 1, .loss = kNaN, .gradient_norm = 1, .phase = StepPhase::before_optimizer});
  const StepMetrics both = monitor.observe({.step = 1, .loss = kNaN, .gradient_norm = 1, .scan = nan_scan()});
  CHECK(both.nan_tensors == std::vector<std::string>{"loss", "w"});
  CHECK(both.errors.size() == 2);
  CHECK(monitor.get_health_dashboard().nan_count == 1);
}

TEST_CASE("A late scan completes its step without its scalars being told again") {
  HealthMonitor monitor;
  monitor.observe({.step = 1, .loss = 2, .gradient_norm = 1});
  const StepMetrics metrics = monitor.observe({.step = 1, .scan = clean_scan()});
  CHECK(metrics.overall_health == Health::healthy);
  CHECK(metrics.current_loss == 2.0);
  CHECK(stability_of(metrics) == Stability::stable);
}

TEST_CASE("A step that is run again is judged again") {
  HealthMonitor monitor;
  monitor.observe({.step = 1, .loss = kNaN});
  const StepMetrics metrics = monitor.observe({.step = 1, .loss = 2, .scan = clean_scan()});
  CHECK(metrics.overall_health == Health::healthy);
  CHECK(monitor.get_health_dashboard().recent == FailureCounts{});
}

TEST_CASE("Counts can be reset, and the score with them") {
  HealthMonitor monitor;
  monitor.observe({.step = 1, .loss = kNaN});
  monitor.count_oom();
  monitor.reset_failure_counts();
  const HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.nan_count == 0);
  CHECK(board.oom_count == 0);
  CHECK(board.health_score == 100);
}

TEST_CASE("A change on purpose can start the windows afresh") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 100, 2, 1);
  monitor.forget_history();
  const StepMetrics metrics = run_steps(monitor, 100, 30, 20, 500);
  CHECK_FALSE(metrics.gradient_explosion);
  CHECK_FALSE(metrics.loss_divergence);
}

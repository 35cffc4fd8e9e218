// One test for each fault of detection that the reference system has; and that this one must not have.
#include <catch2/catch.hpp>

#include "tests/monitor/monitor_fixture.h"

using namespace lastgood;
using namespace lastgood::test;

TEST_CASE("1. A step that was not scanned is unchecked, not healthy, and no checkpoint of it is stable") {
  HealthMonitor monitor;
  const StepMetrics metrics = monitor.observe({.step = 1, .loss = 2, .gradient_norm = 1});
  CHECK(metrics.overall_health == Health::unchecked);
  CHECK(metrics.current_loss == 2.0);
  CHECK(stability_of(metrics) == Stability::unknown);
  CHECK(stability_of(monitor.observe({.step = 2, .scan = TensorScan{}})) == Stability::unknown);
  const StepMetrics scanned = monitor.observe({.step = 3, .loss = 2, .scan = clean_scan()});
  CHECK(scanned.overall_health == Health::healthy);
  CHECK(stability_of(scanned) == Stability::stable);
}

TEST_CASE("2. Windows count steps, whatever the interval of the checks") {
  HealthMonitor monitor({.check_interval = 10, .loss_window = 100});
  // One observation every ten steps: those of the last 100 steps are ten.
  for (Step step = 0; step < 2000; step += 10) monitor.observe({.step = step, .loss = step < 1900 ? 1e6 : 1.0});
  CHECK(monitor.get_health_dashboard().loss_mean == 1.0);
  // Scalars at every step, scans at every tenth: the window does not care for the scans.
  HealthMonitor every({.loss_window = 100});
  for (Step step = 0; step < 150; ++step) every.observe({.step = step, .loss = step < 50 ? 1e6 : 1.0});
  CHECK(every.get_health_dashboard().loss_mean == 1.0);
}

TEST_CASE("3. A loss that is NaN or infinite is critical at once, scanned or not") {
  HealthMonitor monitor;
  const StepMetrics nan = monitor.observe({.step = 1, .loss = kNaN, .gradient_norm = 1});
  CHECK(nan.has_nan);
  CHECK_FALSE(nan.has_inf);
  CHECK(nan.nan_tensors == std::vector<std::string>{"loss"});
  CHECK(nan.overall_health == Health::critical);
  CHECK(nan.errors == std::vector<std::string>{"NaN in loss"});
  const StepMetrics inf = monitor.observe({.step = 2, .loss = -kInf});
  CHECK(inf.has_inf);
  CHECK(inf.inf_tensors == std::vector<std::string>{"loss"});
}

TEST_CASE("4. A value that is not finite does not enter the baseline") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 20, 2, 1);
  for (Step step = 20; step < 30; ++step) {
    monitor.observe({.step = step, .loss = step % 2 == 0 ? kNaN : kInf, .gradient_norm = step % 2 == 0 ? kInf : kNaN});
  }
  const StepMetrics after = monitor.observe({.step = 30, .loss = 2, .gradient_norm = 11});
  CHECK(after.gradient_median == 1.0);
  CHECK(after.gradient_explosion);
  CHECK(monitor.get_health_dashboard().loss_mean == 2.0);
}

TEST_CASE("5. An outlier does not enter the baseline, however long the explosion lasts") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 100, 2, 1);
  const StepMetrics late = run_steps(monitor, 100, 1000, 2, 50);
  CHECK(late.gradient_explosion);
  CHECK(late.gradient_median == 1.0);
  CHECK_FALSE(monitor.observe({.step = 1100, .gradient_norm = 1}).gradient_explosion);
}

TEST_CASE("5. A divergence that lasts does not become the norm, and its end is seen") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 100, 2);
  CHECK(run_steps(monitor, 100, 1000, 4).loss_divergence);
  CHECK_FALSE(run_steps(monitor, 1100, 10, 2).loss_divergence);
}

TEST_CASE("6. Divergence is seen in losses that are zero or negative") {
  HealthMonitor negative;
  run_steps(negative, 0, 100, -4);
  CHECK_FALSE(run_steps(negative, 100, 50, -6).loss_divergence);
  CHECK(run_steps(negative, 150, 20, -1).loss_divergence);
  HealthMonitor zero;
  run_steps(zero, 0, 100, 0);
  CHECK(run_steps(zero, 100, 20, 1).loss_divergence);
}

TEST_CASE("6. Two noisy losses do not make a divergence") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 1, 0.01);
  run_steps(monitor, 1, 98, 2);
  CHECK_FALSE(run_steps(monitor, 99, 2, 500).loss_divergence);
}

TEST_CASE("7. Gradients of zero are no baseline that makes every later one an explosion") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 50, 2, 0);
  const StepMetrics back = monitor.observe({.step = 50, .gradient_norm = 1});
  CHECK_FALSE(back.gradient_explosion);
  CHECK_FALSE(back.gradient_median.has_value());
}

TEST_CASE("7. A vanished gradient is noticed") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 20, 2, 1);
  const StepMetrics gone = monitor.observe({.step = 20, .gradient_norm = 0, .scan = clean_scan()});
  CHECK(gone.gradient_vanishing);
  CHECK(gone.overall_health == Health::warning);
  CHECK(monitor.observe({.step = 21, .gradient_norm = 0.0009}).gradient_vanishing);
  CHECK_FALSE(monitor.observe({.step = 22, .gradient_norm = 0.001}).gradient_vanishing);
}

TEST_CASE("8. A NaN in a buffer, in optimizer state or in an activation is a failure") {
  for (const TensorKind kind : {TensorKind::parameter, TensorKind::gradient, TensorKind::buffer,
                                TensorKind::optimizer_state, TensorKind::activation}) {
    INFO(to_string(kind));
    HealthMonitor monitor;
    const StepMetrics metrics = monitor.observe({.step = 0, .loss = 1, .scan = nan_scan("it", kind)});
    CHECK(metrics.has_nan);
    CHECK(metrics.nan_tensors == std::vector<std::string>{"it"});
    CHECK(metrics.overall_health == Health::critical);
  }
}

TEST_CASE("9. Norms as large as a double takes them neither overflow nor trip") {
  HealthMonitor monitor;
  const double big = 1e300;
  CHECK_FALSE(run_steps(monitor, 0, 100, big, big).gradient_explosion);
  const HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.gradient_norm_mean == Approx(big));
  CHECK(board.gradient_norm_std == Approx(0).margin(1e290));
  CHECK(board.health_score == Approx(100));
}

TEST_CASE("10. A loss-scale overflow of mixed precision is no failure") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 20);
  const StepMetrics metrics = monitor.observe({.step = 20,
                                               .loss = 2,
                                               .gradient_norm = kInf,
                                               .scan = nan_scan("w.grad", TensorKind::gradient),
                                               .loss_scale_overflow = true});
  CHECK(metrics.loss_scale_overflow);
  CHECK_FALSE(metrics.has_nan);
  CHECK_FALSE(metrics.has_inf);
  CHECK(metrics.overall_health == Health::healthy);
  CHECK(monitor.suggest_recovery(metrics)[0].action == "continue");
  // What is no gradient is not excused.
  CHECK(monitor.observe({.step = 21, .scan = nan_scan(), .loss_scale_overflow = true}).has_nan);
  CHECK(monitor.observe({.step = 22, .loss = kNaN, .loss_scale_overflow = true}).has_nan);
}

TEST_CASE("10. Overflows without end are a failure after all") {
  HealthMonitor monitor;
  for (Step step = 0; step < 20; ++step) {
    CHECK_FALSE(monitor.observe({.step = step, .gradient_norm = kNaN, .loss_scale_overflow = true}).has_nan);
  }
  CHECK(monitor.observe({.step = 20, .gradient_norm = kNaN, .loss_scale_overflow = true}).has_nan);
  monitor.observe({.step = 21, .gradient_norm = 1});
  CHECK_FALSE(monitor.observe({.step = 22, .gradient_norm = kNaN, .loss_scale_overflow = true}).has_nan);
}

TEST_CASE("11. A condition number that is NaN or failed to compute is a warning, never healthy") {
  HealthMonitor monitor;
  const StepMetrics nan = monitor.observe(
      {.step = 0, .scan = clean_scan(), .stability = NumericalStability{.condition_numbers = {{"h", kNaN}}}});
  CHECK(nan.overall_health == Health::warning);
  CHECK_FALSE(nan.condition_number_high);
  const StepMetrics failed = monitor.observe(
      {.step = 1, .scan = clean_scan(), .stability = NumericalStability{.failures = {{"h", "no convergence"}}}});
  CHECK(failed.overall_health == Health::warning);
  CHECK(failed.warnings.size() == 1);
}

TEST_CASE("12. Histories grow, out-of-memory counts, health has all its values, and penalties decay") {
  HealthMonitor monitor;
  monitor.observe({.step = 0, .scan = clean_scan()});
  CHECK(monitor.get_health_dashboard().overall_health == Health::healthy);
  NumericalStability measured{.condition_numbers = {{"h", 10}}, .schatten_norms = {{"h", {2, 1}}}};
  monitor.observe({.step = 1, .stability = measured});
  measured.condition_numbers["h"] = 2e6;
  monitor.observe({.step = 2, .stability = measured});
  HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.condition_numbers_history.at("h") == std::vector<double>{10, 2e6});
  CHECK(board.max_condition_number == 2e6);
  CHECK(board.schatten_norms_history.at("h").size() == 2);
  CHECK(board.overall_health == Health::warning);

  monitor.count_oom();
  monitor.count_oom();
  monitor.observe({.step = 3, .loss = kNaN});
  board = monitor.get_health_dashboard();
  CHECK(board.oom_count == 2);
  CHECK(board.overall_health == Health::critical);
  CHECK(board.health_score == 60);

  run_steps(monitor, 4, 100);
  board = monitor.get_health_dashboard();
  CHECK(board.health_score == 100);
  CHECK(board.recent == FailureCounts{});
  CHECK(board.nan_count == 1);
  CHECK(board.oom_count == 2);
  CHECK(board.overall_health == Health::unchecked);
}

TEST_CASE("13. Going back forgets what the abandoned steps did") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 100, 2, 1);
  run_steps(monitor, 100, 30, 50, 5);
  CHECK(monitor.get_health_dashboard().recent.loss_divergence > 0);
  const StepMetrics again = monitor.observe({.step = 100, .loss = 2, .gradient_norm = 1});
  CHECK_FALSE(again.loss_divergence);
  const HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.loss_mean == 2.0);
  CHECK(board.gradient_norm_max == 1.0);
  CHECK(board.recent.loss_divergence == 0);
  CHECK(board.loss_divergence_count > 0);
}

TEST_CASE("14. The last stable step is that of a checkpoint, by its id") {
  HealthMonitor monitor;
  run_steps(monitor, 0, 50);
  monitor.observe({.step = 50, .scan = clean_scan()});
  CHECK_FALSE(monitor.get_health_dashboard().last_stable_step.has_value());
  monitor.note_checkpoint(CheckpointId{7}, 50, Stability::stable);
  monitor.note_checkpoint(CheckpointId{8}, 60, Stability::unknown);
  run_steps(monitor, 51, 20);
  HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.last_stable_checkpoint == CheckpointId{7});
  CHECK(board.last_stable_step == 50);
  CHECK(board.steps_since_stable == 20);
  monitor.note_checkpoint(CheckpointId{7}, 50, Stability::unstable);
  CHECK_FALSE(monitor.get_health_dashboard().last_stable_checkpoint.has_value());
}

TEST_CASE("15. The condition number is judged by the threshold that was configured") {
  NumericalStability measured{.condition_numbers = {{"h", 500}}};
  HealthMonitor strict({.condition_number_threshold = 100});
  const StepMetrics metrics = strict.observe({.step = 0, .stability = measured});
  CHECK(metrics.condition_number_high);
  CHECK(strict.suggest_recovery(metrics)[0].action == "upgrade_precision");
  measured.condition_numbers["h"] = 1e7;
  HealthMonitor lenient({.condition_number_threshold = 1e8});
  CHECK_FALSE(lenient.observe({.step = 0, .stability = measured}).condition_number_high);
}

TEST_CASE("16. A check before the optimizer's step finds the damage while the weights are whole") {
  HealthMonitor monitor;
  const StepMetrics before = monitor.observe({.step = 5,
                                              .loss = 2,
                                              .gradient_norm = kNaN,
                                              .scan = nan_scan("w.grad", TensorKind::gradient),
                                              .phase = StepPhase::before_optimizer});
  CHECK(before.has_nan);
  CHECK(before.overall_health == Health::critical);
}

TEST_CASE("16. What was found in order before the optimizer's step says nothing of the state after it") {
  HealthMonitor monitor;
  const StepMetrics before = monitor.observe(
      {.step = 5, .loss = 2, .gradient_norm = 1, .scan = clean_scan(), .phase = StepPhase::before_optimizer});
  CHECK(before.overall_health == Health::healthy);
  CHECK(stability_of(before) == Stability::unknown);
  const StepMetrics after = monitor.observe({.step = 5, .loss = 2, .gradient_norm = 1, .scan = clean_scan()});
  CHECK(stability_of(after) == Stability::stable);
  CHECK(monitor.get_health_dashboard().gradient_norm_mean == 1.0);
}

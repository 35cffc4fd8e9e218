#include <catch2/catch.hpp>

#include "tests/recovery/sample_trainer.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

using Catch::Contains;

TEST_CASE("Failures are told in the reference's order, however many there are at once") {
  SampleTrainer trainer;
  AutoRecovery recovery = trainer.recovery();
  StepMetrics metrics;
  CHECK_FALSE(recovery.detect_failure(metrics));
  metrics.condition_number_high = true;
  CHECK(recovery.detect_failure(metrics) == "condition_number_high");
  metrics.loss_divergence = true;
  CHECK(recovery.detect_failure(metrics) == "loss_divergence");
  metrics.gradient_explosion = true;
  CHECK(recovery.detect_failure(metrics) == "gradient_explosion");
  metrics.has_inf = true;
  CHECK(recovery.detect_failure(metrics) == "inf_detected");
  metrics.has_nan = true;
  CHECK(recovery.detect_failure(metrics) == "nan_detected");
}

TEST_CASE("A condition number is judged by the monitor's own threshold, not by a fixed one") {
  SampleTrainer trainer;
  AutoRecovery recovery = trainer.recovery();
  HealthMonitor strict({.condition_number_threshold = 10});
  StepObservation observation{.step = 1};
  observation.stability = NumericalStability{.condition_numbers = {{"w", 11}}};
  CHECK(recovery.detect_failure(strict.observe(observation)) == "condition_number_high");
  observation.stability->condition_numbers["w"] = 10;
  observation.step = 2;
  CHECK_FALSE(recovery.detect_failure(strict.observe(observation)));
}

TEST_CASE("A failure of the user's is asked after the built-in ones, and climbs a ladder of its own") {
  SampleTrainer trainer;
  trainer.save(10);
  int taken = 0;
  RecoveryOptions options;
  options.failures = {{"loss_too_low", [](const StepMetrics& metrics) { return metrics.current_loss < 0.1; }}};
  options.ladders = {{"loss_too_low", {{"rollback_checkpoint", "reseed"}}}};
  options.actions = {{"reseed", [&] { return ++taken > 0; }}};
  AutoRecovery recovery = trainer.recovery(options);
  StepMetrics metrics;
  metrics.current_loss = 0.01;
  CHECK(recovery.detect_failure(metrics) == "loss_too_low");
  metrics.has_nan = true;
  CHECK(recovery.detect_failure(metrics) == "nan_detected");
  const RecoveryResult result = recovery.recover("loss_too_low", 12, 1);
  CHECK(result.success);
  CHECK(result.action == "reseed");
  CHECK(taken == 1);
}

TEST_CASE("Options that make no sense are refused when the recovery is made, by name") {
  SampleTrainer trainer;
  const auto why = [&](const RecoveryOptions& options) {
    return std::string(thrown_by([&] { trainer.recovery(options); }).what());
  };
  CHECK_THAT(why({.max_retries = 0}), Contains("max_retries"));
  CHECK_THAT(why({.lr_factor = 1}), Contains("lr_factor"));
  CHECK_THAT(why({.epsilon_factor = 1}), Contains("epsilon_factor"));
  CHECK_THAT(why({.ladders = {{"oom", {}}}}), Contains("has no rung"));
  CHECK_THAT(why({.ladders = {{"oom", {{}}}}}), Contains("has no action"));
  CHECK_THAT(why({.ladders = {{"oom", {{"reduce_lr"}}}}}), Contains("unknown action, 'reduce_lr'"));
  CHECK_THAT(why({.failures = {{"mine", [](const StepMetrics&) { return true; }}}}), Contains("has no ladder"));
  CHECK(thrown_by([&] { AutoRecovery(trainer.store, *trainer.session, {}); }).code() == ErrorCode::invalid_argument);
  CHECK(thrown_by([] { default_ladder("nan"); }).code() == ErrorCode::not_found);
}

TEST_CASE("The defaults are the reference's") {
  const RecoveryOptions options;
  CHECK(options.max_retries == 3);
  CHECK(options.enable_auto_adjustment);
  CHECK(options.min_lr == 1e-7);
  CHECK(options.max_epsilon == 1.0);
  CHECK(options.min_batch_size == 1);
  CHECK(options.lr_factor == 0.1);
  CHECK(options.epsilon_factor == 1.5);
  CHECK(options.batch_factor == 0.5);
  CHECK(options.keep_last == 5);
}

}  // namespace
}  // namespace lastgood::test

// Numerical failures of a real model, seen by the monitor and cured by its own knobs: the resolvent layer's epsilon and
// precision, and the spectrum of its weights.
#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

#include <lastgood/torch/stability_monitor.h>

#include "examples/resolvent.h"
#include "tests/recovery_torch/stored_trainer.h"

namespace lastgood::test {
namespace {

constexpr std::int64_t kSites = 16;

/// Trains; the operator is probed in every step, before the optimizer would do damage.
struct ResolventRun {
  explicit ResolventRun(double epsilon) : model(3, demo::ResolventOptions{kSites, epsilon}) {
    state.add_module("model", model);
    state.add_optimizer("optimizer", optimizer);
    monitor.register_probe("h", [this] { return model->resolvent->matrix(); });
  }

  StepMetrics step() {
    optimizer.zero_grad();
    const torch::Tensor features = torch::ones({4, 3}, model->in->weight.options().requires_grad(false));
    loss = model(features).square().mean();
    loss.backward();
    const StepMetrics metrics =
        monitor.check_step(model, loss, optimizer, ++steps, {.phase = StepPhase::before_optimizer, .scan = true});
    if (metrics.overall_health == Health::healthy) optimizer.step();
    return metrics;
  }

  AutoRecovery recovery(RecoveryOptions options = {}) {
    TrainerKnobs knobs;
    knobs.epsilon = {"epsilon", [this] { return model->resolvent->epsilon(); },
                     [this](double to) { model->resolvent->set_epsilon(to); }};
    knobs.batch_size = {"batch", [this] { return batch; }, [this](double to) { batch = to; }};
    knobs.spectral_limit = 0.2;
    AutoRecovery recovery(store, session, recovery_target(store, session, state, knobs), std::move(options));
    recovery.watch(&monitor);
    return recovery;
  }

  /// Moves the eigenvalue of H that is nearest to 0 onto 0: what is left of the operator there is epsilon.
  void make_singular() {
    const torch::NoGradGuard no_grad;
    model->resolvent->potential.fill_(2 - 2 * std::cos(std::numbers::pi / (kSites + 1)));
  }

  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("run");
  demo::ResolventNet model;
  torch::optim::SGD optimizer{model->parameters(), 1e-6};
  TrainingState state;
  StabilityMonitor monitor;
  torch::Tensor loss;
  double batch = 8;
  Step steps = 0;
};

TEST_CASE(
    "12.15: condition numbers, Schatten norms and eigenvalues of a real model are there, and are its operator's") {
  torch::manual_seed(1);
  ResolventRun run(0.1);
  const StepMetrics metrics = run.step();
  const torch::Tensor matrix = run.model->resolvent->matrix().detach().to(torch::kComplexDouble);
  const torch::Tensor values = torch::linalg_svdvals(matrix);
  CHECK(metrics.condition_numbers.at("h") == Approx((values[0] / values[-1]).item<double>()));
  CHECK(metrics.schatten_norms.at("h").first == Approx(values.sum().item<double>()));
  CHECK(metrics.schatten_norms.at("h").second == Approx(matrix.abs().square().sum().sqrt().item<double>()));
  const EigenvalueStats stats = metrics.eigenvalue_stats.at("h");
  CHECK(stats.spectral_radius == Approx(values[0].item<double>()));  // H is normal
  CHECK(stats.smallest_modulus == Approx(values[-1].item<double>()));
  CHECK(stats.share_positive_real_part < 0.5);
  run.step();
  CHECK(run.monitor.get_health_dashboard().condition_numbers_history.at("h").size() == 2);
  CHECK(run.monitor.get_health_dashboard().schatten_norms_history.at("h").size() == 2);
}

// divergence_test.cpp has a loss that really diverges.
TEST_CASE("12.6: the rungs of a divergence cut the rate, then raise the resolvent's epsilon, then halve the batch") {
  torch::manual_seed(1);
  ResolventRun run(0.1);
  run.step();
  AutoRecovery recovery = run.recovery({.max_retries = 5});
  REQUIRE(recovery.save_checkpoint(run.steps, 0, {}, true).ok());
  run.make_singular();
  const double before = run.step().condition_numbers.at("h");
  const auto diverge = [&] { return recovery.recover("loss_divergence", 9, 0).action; };
  CHECK(diverge() == "reduce_lr_10x");
  CHECK(run.optimizer.param_groups()[0].options().get_lr() == Approx(1e-7));
  CHECK(run.model->resolvent->epsilon() == 0.1);
  CHECK(diverge() == "increase_epsilon");
  CHECK(run.model->resolvent->epsilon() == Approx(0.15));
  CHECK(run.optimizer.param_groups()[0].options().get_lr() == Approx(1e-7));
  CHECK(run.batch == 8);
  CHECK(diverge() == "reduce_batch_size");
  CHECK(run.batch == 4);
  CHECK(run.model->resolvent->epsilon() == Approx(0.15));
  run.make_singular();
  CHECK(run.step().condition_numbers.at("h") == Approx(before / 1.5).epsilon(1e-3));
}

TEST_CASE("12.16: an operator that becomes singular is seen, converted, given a larger epsilon, and clipped") {
  torch::manual_seed(1);
  ResolventRun run(1e-7);
  CHECK_FALSE(run.step().condition_number_high);
  AutoRecovery recovery = run.recovery();
  REQUIRE(recovery.save_checkpoint(run.steps, 0, {}, true).ok());
  const auto fail = [&] {
    run.make_singular();
    const StepMetrics metrics = run.step();
    CHECK(metrics.overall_health == Health::warning);
    CHECK(run.monitor.suggest_recovery(metrics)[0].action == "upgrade_precision");
    REQUIRE(recovery.detect_failure(metrics) == "condition_number_high");
    const RecoveryResult result = recovery.recover("condition_number_high", run.steps, 0);
    run.steps = result.step;
    return result.action;
  };
  CHECK(fail() == "upgrade_precision");
  CHECK(run.model->resolvent->matrix().scalar_type() == torch::kComplexDouble);
  CHECK(run.model->in->weight.scalar_type() == torch::kDouble);
  CHECK(fail() == "increase_epsilon");
  CHECK(run.model->resolvent->epsilon() == Approx(1.5e-7));
  REQUIRE(torch::linalg_svdvals(run.model->in->weight.detach()).max().item<double>() > 0.2);
  CHECK(fail() == "clip_spectrum");
  CHECK(torch::linalg_svdvals(run.model->in->weight.detach()).max().item<double>() <= 0.2 * 1.0001);
  CHECK(run.model->resolvent->matrix().scalar_type() == torch::kComplexDouble);
}

TEST_CASE("12.16: a Schatten norm above its threshold is a failure where the user wants it to be one") {
  torch::manual_seed(1);
  ResolventRun run(0.1);
  run.monitor.register_probe("weight", [&] { return run.model->in->weight; });
  RecoveryOptions options;
  options.failures = {{"schatten_norm_high", [](const StepMetrics& metrics) { return metrics.schatten_norm_high; }}};
  options.ladders = {{"schatten_norm_high", {{"clip_spectrum"}}}};
  AutoRecovery recovery = run.recovery(options);
  CHECK_FALSE(recovery.detect_failure(run.step()));
  {
    const torch::NoGradGuard no_grad;
    run.model->in->weight.mul_(1000);
  }
  REQUIRE(recovery.detect_failure(run.step()) == "schatten_norm_high");
  CHECK(recovery.recover("schatten_norm_high", run.steps, 0).action == "clip_spectrum");
  CHECK_FALSE(recovery.detect_failure(run.step()));
}

}  // namespace
}  // namespace lastgood::test

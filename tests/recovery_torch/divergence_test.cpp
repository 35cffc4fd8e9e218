// A training whose loss really diverges, and which only the ladder's last rung cures.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include <lastgood/torch/stability_monitor.h>

#include "tests/recovery_torch/stored_trainer.h"

namespace lastgood::test {
namespace {

using Names = std::vector<std::string>;

constexpr std::int64_t kExamples = 256, kFeatures = 4;
constexpr double kBatch = 64, kRate = 1e-3, kEpsilon = 0.01;
constexpr Step kRaised = 150, kEnd = 280;
constexpr double kRaise = 400;

/// A linear regression on noisy targets by the smoothed absolute error, sqrt(error^2 + epsilon^2). Two mistakes: its
/// schedule multiplies the rate by 400 where it should lower it, and it descends along the batch's sum, so that its
/// steps are as large as its batches. Absolute errors have bounded gradients: the loss rises to where the steps leave
/// the weights, and no gradient explodes.
struct DivergingRun {
  explicit DivergingRun(double raise) : schedule(optimizer, kRaised, raise) {
    targets = (inputs.matmul(torch::tensor({1.0F, -1.0F, 0.5F, -0.5F})) + 0.5 * torch::randn({kExamples})).detach();
    state.add_module("model", model);
    state.add_optimizer("optimizer", optimizer);
    state.add_scheduler("schedule", schedule);
    monitor.bind(session);
  }

  StepMetrics step() {
    const torch::Tensor rows =
        (torch::arange(static_cast<std::int64_t>(batch)) + steps * static_cast<std::int64_t>(kBatch)) % kExamples;
    const torch::Tensor errors = model(inputs.index_select(0, rows)).squeeze(1) - targets.index_select(0, rows);
    const torch::Tensor loss = (errors.square() + epsilon * epsilon).sqrt();
    optimizer.zero_grad();
    loss.sum().backward();
    optimizer.step();
    schedule.step();
    return monitor.check_step(*model, loss.mean(), optimizer, ++steps);
  }

  AutoRecovery recovery() {
    TrainerKnobs knobs;
    knobs.epsilon = {"epsilon", [this] { return epsilon; }, [this](double to) { epsilon = to; }};
    knobs.batch_size = {"batch", [this] { return batch; }, [this](double to) { batch = to; }};
    AutoRecovery recovery(store, session, recovery_target(store, session, state, knobs), {.batch_factor = 0.25});
    recovery.watch(&monitor);
    return recovery;
  }

  void save(AutoRecovery& recovery) {
    const Health health = monitor.scan_before_save(*model, optimizer, steps).overall_health;
    REQUIRE(recovery.save_checkpoint(steps, 0, {}, health == Health::healthy).ok());
  }

  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("run");
  torch::Tensor inputs = torch::randn({kExamples, kFeatures});
  torch::Tensor targets;
  torch::nn::Linear model{kFeatures, 1};
  torch::optim::SGD optimizer{model->parameters(), kRate};
  torch::optim::StepLR schedule;
  TrainingState state;
  StabilityMonitor monitor;
  double epsilon = kEpsilon, batch = kBatch;
  Step steps = 0;
};

/// Trains to the end, and recovers from whatever the monitor finds: the failures.
Names train(DivergingRun& run, AutoRecovery& recovery) {
  Names failures;
  while (run.steps < kEnd) {
    if (const auto failure = recovery.detect_failure(run.step())) {
      failures.push_back(*failure);
      CHECK(run.steps > kRaised);
      const RecoveryResult result = recovery.recover(*failure, run.steps, 0);
      REQUIRE(result.success);
      run.steps = result.step;
    } else if (run.steps % 25 == 0) {
      run.save(recovery);
    }
  }
  return failures;
}

TEST_CASE("12.6: a loss that really diverges climbs from the rate to the epsilon to the batch size, which cures it") {
  torch::manual_seed(GENERATE(1, 2, 3));
  DivergingRun run(kRaise);
  AutoRecovery recovery = run.recovery();
  CHECK(train(run, recovery) == Names(3, "loss_divergence"));
  Names actions, outcomes;
  for (const Recovery& one : recovery.get_recovery_report().recovery_history) {
    actions.push_back(one.action);
    outcomes.emplace_back(to_string(one.outcome));
  }
  CHECK(actions == Names{"reduce_lr_10x", "increase_epsilon", "reduce_batch_size"});
  CHECK(outcomes == Names{"relapsed", "relapsed", "succeeded"});
  CHECK(run.optimizer.param_groups()[0].options().get_lr() == Approx(kRate * kRaise / 10));
  CHECK(run.epsilon == Approx(kEpsilon * 1.5));
  CHECK(run.batch == kBatch / 4);
}

TEST_CASE("the same training, with a schedule that lowers the rate, does not diverge") {
  torch::manual_seed(1);
  DivergingRun run(0.04);
  AutoRecovery recovery = run.recovery();
  CHECK(train(run, recovery).empty());
}

}  // namespace
}  // namespace lastgood::test

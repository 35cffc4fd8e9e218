// Learning rates: the cut reaches every group, and neither the rollback nor a schedule undoes it.
#include <catch2/catch.hpp>

#include "tests/recovery_torch/stored_trainer.h"

namespace lastgood::test {
namespace {

double rate_of(torch::optim::Optimizer& optimizer, std::size_t group = 0) {
  return optimizer.param_groups().at(group).options().get_lr();
}

/// A model of one weight, with a store.
struct SmallTrainer {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  Session session = store.start_session("run");
  torch::nn::Linear model{2, 1};
  TrainingState state;
  SmallTrainer() { state.add_module("model", model); }

  void fail_with_explosion(const TrainerKnobs& knobs = {}) {
    AutoRecovery recovery(store, session, recovery_target(store, session, state, knobs));
    REQUIRE(recovery.save_checkpoint(10, 1, {}, true).ok());
    REQUIRE(recovery.recover("gradient_explosion", 15, 1).action == "reduce_lr_10x");
  }
};

/// Sets the rate from a base rate at each step, as a warm-up or a cosine does.
class BaseSchedule : public Stateful {
 public:
  explicit BaseSchedule(torch::optim::Optimizer& optimizer) : optimizer_(optimizer) {}
  void step() { optimizer_.param_groups()[0].options().set_lr(base / 2); }
  std::string save_state() const override { return std::to_string(base); }
  void load_state(const std::string& json) override { base = std::stod(json); }
  double base = 0.5;

 private:
  torch::optim::Optimizer& optimizer_;
};

TEST_CASE("An explosion cuts the rate of every parameter group tenfold") {
  StoredTrainer t;
  t.trainer.train(2);
  AutoRecovery recovery = t.recovery();
  recovery.save_checkpoint(2, 0, {}, true);
  const double first = rate_of(t.trainer.optimizer, 0);
  const double second = rate_of(t.trainer.optimizer, 1);
  REQUIRE(first != second);
  t.trainer.train(1);
  CHECK(recovery.recover("gradient_explosion", 3, 0).step == 2);
  CHECK(rate_of(t.trainer.optimizer, 0) == Approx(first / 10));
  CHECK(rate_of(t.trainer.optimizer, 1) == Approx(second / 10));
}

TEST_CASE("A real StepLR goes on from the cut rate and does not put the old one back") {
  SmallTrainer t;
  torch::optim::SGD optimizer(t.model->parameters(), 0.5);
  torch::optim::StepLR schedule(optimizer, 2, 0.5);
  t.state.add_optimizer("optimizer", optimizer);
  t.state.add_scheduler("schedule", schedule);
  t.fail_with_explosion();
  CHECK(rate_of(optimizer) == Approx(0.05));
  for (int i = 0; i < 4; ++i) schedule.step();  // lowers the rate once: its first step counts as the 0th
  CHECK(rate_of(optimizer) == Approx(0.025));
}

TEST_CASE("ReduceLROnPlateau goes on from the cut rate, also where its own state says that it has just reduced") {
  SmallTrainer t;
  torch::optim::Adam optimizer(t.model->parameters(), 0.5);
  ReduceLROnPlateau schedule(optimizer, {.patience = 1});
  t.state.add_optimizer("optimizer", optimizer);
  t.state.add_scheduler("schedule", schedule);
  t.fail_with_explosion();
  schedule.step(1.0F);
  CHECK(rate_of(optimizer) == Approx(0.05));
  for (int i = 0; i < 3; ++i) schedule.step(2.0F);
  CHECK(rate_of(optimizer) == Approx(0.005));
}

TEST_CASE("A schedule with a base rate of its own keeps the cut when the base rate is registered, and only then") {
  SmallTrainer t;
  torch::optim::SGD optimizer(t.model->parameters(), 0.25);
  BaseSchedule schedule(optimizer);
  t.state.add_optimizer("optimizer", optimizer);
  t.state.add_scheduler("schedule", schedule);
  TrainerKnobs knobs;
  SECTION("registered") {
    knobs.base_rates = {{"base", [&] { return schedule.base; }, [&](double rate) { schedule.base = rate; }}};
    t.fail_with_explosion(knobs);
    schedule.step();
    CHECK(rate_of(optimizer) == Approx(0.025));
  }
  SECTION("forgotten") {
    t.fail_with_explosion();
    schedule.step();
    CHECK(rate_of(optimizer) == Approx(0.25));
  }
}

TEST_CASE("The rate of LBFGS is cut as any other") {
  SmallTrainer t;
  torch::optim::LBFGS optimizer(t.model->parameters(), torch::optim::LBFGSOptions(0.8));
  t.state.add_optimizer("optimizer", optimizer);
  t.fail_with_explosion();
  CHECK(rate_of(optimizer) == Approx(0.08));
}

TEST_CASE("A cut is made again after a restart, and once") {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  double cut = 0;
  {
    Session session = store.start_session("run");
    Trainer trainer(5);
    trainer.train(2);
    AutoRecovery recovery(store, session, recovery_target(store, session, trainer.state));
    recovery.save_checkpoint(2, 0, {}, true);
    recovery.recover("gradient_explosion", 3, 0);
    cut = rate_of(trainer.optimizer);
    if (GENERATE(false, true)) recovery.save_checkpoint(3, 0, {}, true);
  }
  Session session = store.start_session("run");
  Trainer trainer(9);
  AutoRecovery recovery(store, session, recovery_target(store, session, trainer.state));
  REQUIRE(recovery.resume());
  CHECK(rate_of(trainer.optimizer) == Approx(cut));
}

}  // namespace
}  // namespace lastgood::test

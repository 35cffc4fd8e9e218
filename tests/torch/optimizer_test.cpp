#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include <lastgood/error.h>
#include <lastgood/torch/version.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

void step(torch::nn::Linear& model, torch::optim::Optimizer& optimizer, int count = 1) {
  const torch::Tensor input = torch::arange(6, torch::kFloat).view({2, 3}) / 4;
  for (int i = 0; i < count; ++i) {
    optimizer.step([&] {
      optimizer.zero_grad();
      // Not a quadratic: LBFGS would be done with one before its history counts.
      torch::Tensor loss = (model(input).cosh() + 1).log().sum();
      loss.backward();
      return loss;
    });
  }
}

/// One layer and its optimizer, registered.
template <class Optimizer, class Options>
struct Run {
  explicit Run(const Options& options) : optimizer(model->parameters(), options) {
    state.add_module("model", model);
    state.add_optimizer("optimizer", optimizer);
  }
  torch::nn::Linear model{3, 2};
  Optimizer optimizer;
  TrainingState state;
};

template <class Optimizer, class Options>
void check_resume(const Options& options) {
  Run<Optimizer, Options> straight(options);
  step(straight.model, straight.optimizer, 3);
  MemoryCheckpoint middle(straight.state);
  step(straight.model, straight.optimizer, 3);
  const MemoryCheckpoint end(straight.state);

  Run<Optimizer, Options> fresh(options);  // before its first step, or with a state of its own
  step(fresh.model, fresh.optimizer, GENERATE(0, 2));
  middle.restore(fresh.state);
  step(fresh.model, fresh.optimizer, 3);
  MemoryCheckpoint resumed(fresh.state);
  for (const MemoryEntry& entry : end.entries()) {
    CAPTURE(entry.spec.name);
    if (entry.spec.section != Section::rng) REQUIRE(resumed.entry(entry.spec.name) == entry);
  }
}

TEST_CASE("Each optimizer goes on where it stood, in a process where it had none yet, or another") {
  using namespace torch::optim;
  SECTION("SGD") {
    check_resume<SGD>(SGDOptions(0.1));
  }
  SECTION("SGD with momentum") {
    check_resume<SGD>(SGDOptions(0.1).momentum(0.9).nesterov(true).weight_decay(0.01));
  }
  SECTION("Adam") {
    check_resume<Adam>(AdamOptions(0.01));
  }
  SECTION("Adam with amsgrad") {
    check_resume<Adam>(AdamOptions(0.01).amsgrad(true).betas({0.5, 0.75}));
  }
  SECTION("AdamW") {
    check_resume<AdamW>(AdamWOptions(0.01).eps(1e-6));
  }
  SECTION("RMSprop") {
    const bool centered = GENERATE(false, true);
    const double momentum = GENERATE(0.0, 0.9);
    check_resume<RMSprop>(RMSpropOptions(0.01).centered(centered).momentum(momentum).weight_decay(0.01));
  }
  SECTION("Adagrad") {
    const double initial = GENERATE(0.0, 0.5);
    check_resume<Adagrad>(AdagradOptions(0.1).lr_decay(0.01).initial_accumulator_value(initial));
  }
  SECTION("LBFGS") {
    const auto history = GENERATE(2, 100);
    LBFGSOptions options(0.1);
    options.max_iter(3).history_size(history).tolerance_grad(0).tolerance_change(0);
    SECTION("with fixed steps") {
      check_resume<LBFGS>(options);
    }
    SECTION("with a line search") {
      check_resume<LBFGS>(options.line_search_fn("strong_wolfe"));
    }
  }
}

TEST_CASE("State is named by parameter, with its step as a number") {
  Run<torch::optim::Adam, torch::optim::AdamOptions> run(torch::optim::AdamOptions(0.01));
  REQUIRE(MemoryCheckpoint(run.state).names(Section::optimizer) ==
          std::vector<std::string>{"optimizer.param_groups.0"});
  step(run.model, run.optimizer, 2);
  MemoryCheckpoint checkpoint(run.state);
  REQUIRE(checkpoint.names(Section::optimizer) ==
          std::vector<std::string>{"optimizer.param_groups.0", "optimizer.state.model.weight.step",
                                   "optimizer.state.model.weight.exp_avg", "optimizer.state.model.weight.exp_avg_sq",
                                   "optimizer.state.model.bias.step", "optimizer.state.model.bias.exp_avg",
                                   "optimizer.state.model.bias.exp_avg_sq"});
  const MemoryEntry& number = checkpoint.entry("optimizer.state.model.bias.step");
  REQUIRE(number.spec.dtype == DType::int64);
  REQUIRE(number.spec.shape.empty());
  REQUIRE(number.bytes[0] == 2);
}

TEST_CASE("LBFGS keeps one state for all, at the first parameter, its lists element by element") {
  using torch::optim::LBFGSOptions;
  Run<torch::optim::LBFGS, LBFGSOptions> run(
      LBFGSOptions(0.1).max_iter(3).max_eval(100).history_size(4).tolerance_change(0));
  step(run.model, run.optimizer);
  MemoryCheckpoint checkpoint(run.state);
  const std::string state = "optimizer.state.model.weight.";
  REQUIRE(checkpoint.entry(state + "t").spec == EntrySpec{Section::optimizer, state + "t", DType::float64, {}, {}});
  REQUIRE(checkpoint.entry(state + "n_iter").bytes[0] == 3);
  REQUIRE(checkpoint.entry(state + "old_dirs").bytes == std::string("\1\1"));
  REQUIRE(checkpoint.entry(state + "old_dirs.1").spec.shape == std::vector<std::int64_t>{8});
  // LibTorch makes room for the whole history and fills it as far as it got.
  REQUIRE(checkpoint.entry(state + "al").bytes == std::string("\1\1\0\0", 4));
  REQUIRE_FALSE(checkpoint.has(state + "al.2"));
  REQUIRE_FALSE(checkpoint.has("optimizer.state.model.bias.n_iter"));

  checkpoint.restore(run.state);
  REQUIRE(MemoryCheckpoint(run.state) == checkpoint);
  checkpoint.remove(state + "ro");
  REQUIRE_THROWS_WITH(checkpoint.restore(run.state, {.strict = false}),
                      Catch::Contains("optimizer entry " + state + "ro is missing"));
}

TEST_CASE("Options come back to the bit, into the objects that the program may refer to") {
  using torch::optim::AdamOptions;
  AdamOptions odd(1.0 / 3);
  odd.betas({std::nextafter(0.9, 1.0), 0.1 + 0.2}).weight_decay(-0.0);
  odd.amsgrad(true);
  Run<torch::optim::Adam, AdamOptions> run(odd);
  auto& options = static_cast<AdamOptions&>(run.optimizer.param_groups()[0].options());
  options.eps(std::numeric_limits<double>::infinity());
  MemoryCheckpoint checkpoint(run.state);
  options = AdamOptions(7);
  checkpoint.restore(run.state);
  REQUIRE(&options == &run.optimizer.param_groups()[0].options());
  REQUIRE(options.lr() == 1.0 / 3);
  REQUIRE(options.betas() == std::tuple(std::nextafter(0.9, 1.0), 0.1 + 0.2));
  REQUIRE(std::signbit(options.weight_decay()));
  REQUIRE(options.amsgrad());
  REQUIRE(options.eps() == std::numeric_limits<double>::infinity());

  options.lr(std::nan(""));
  MemoryCheckpoint not_a_number(run.state);
  options.lr(1);
  not_a_number.restore(run.state);
  REQUIRE(std::isnan(options.lr()));
}

TEST_CASE("State that the checkpoint does not have goes away; what it has is written in place") {
  using torch::optim::AdamWParamState;
  Run<torch::optim::AdamW, torch::optim::AdamWOptions> run(torch::optim::AdamWOptions(0.01));
  MemoryCheckpoint untouched(run.state);
  step(run.model, run.optimizer);
  MemoryCheckpoint one_step(run.state);
  const auto state_of_weight = [&]() -> AdamWParamState& {
    return static_cast<AdamWParamState&>(*run.optimizer.state().at(optimizer_state_key(run.model->weight)));
  };
  const torch::Tensor moment = state_of_weight().exp_avg();
  const torch::Tensor value = moment.clone();
  step(run.model, run.optimizer);
  one_step.restore(run.state);
  REQUIRE(state_of_weight().exp_avg().is_same(moment));
  REQUIRE(torch::equal(moment, value));
  REQUIRE(state_of_weight().step() == 1);

  untouched.restore(run.state);
  REQUIRE(run.optimizer.state().empty());
}

TEST_CASE("A restore is seen by version counters, as any write in place") {
  Run<torch::optim::SGD, torch::optim::SGDOptions> run(torch::optim::SGDOptions(0.1));
  MemoryCheckpoint checkpoint(run.state);
  const auto version = run.model->weight._version();
  checkpoint.restore(run.state);
  REQUIRE(run.model->weight._version() > version);
}

TEST_CASE("An optimizer over a parameter that is in no registered module is refused when it is captured") {
  torch::nn::Linear model(2, 2);
  torch::optim::SGD optimizer(model->parameters(), torch::optim::SGDOptions(0.1));
  TrainingState state;
  state.add_optimizer("optimizer", optimizer);
  REQUIRE_THROWS_WITH(state.capture(), Catch::Contains("no registered module"));
  state.add_module("model", model);
  REQUIRE_NOTHROW(state.capture());
}

TEST_CASE("Optimizers and schedules that are not known are refused at once") {
  struct Flat : torch::optim::LRScheduler {
    using LRScheduler::LRScheduler;
    std::vector<double> get_lrs() override { return get_current_lrs(); }
  };
  torch::nn::Linear model(2, 2);
  // It may hold more than is known of SGD.
  struct OwnOptions : torch::optim::SGDOptions {
    using SGDOptions::SGDOptions;
    std::unique_ptr<OptimizerOptions> clone() const override { return std::make_unique<OwnOptions>(*this); }
  };
  struct Own : torch::optim::Optimizer {
    using Optimizer::Optimizer;
    torch::Tensor step(LossClosure) override { return {}; }
  };
  Own optimizer(model->parameters(), std::make_unique<OwnOptions>(0.1));
  Flat schedule(optimizer);
  TrainingState state;
  REQUIRE_THROWS_WITH(state.add_optimizer("optimizer", optimizer),
                      Catch::Contains("SGD, Adam, AdamW, RMSprop, Adagrad, LBFGS"));
  REQUIRE_THROWS_WITH(state.add_scheduler("schedule", schedule), Catch::Contains("Stateful"));
  // The names are still free.
  torch::optim::SGD known(model->parameters(), torch::optim::SGDOptions(0.1));
  REQUIRE_NOTHROW(state.add_optimizer("optimizer", known));
}

}  // namespace
}  // namespace lastgood::test

// Parameters that came to an optimizer, left it or moved within it between a save and a restore.
#include <catch2/catch.hpp>

#include <lastgood/error.h>
#include <lastgood/torch/version.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

using Groups = std::vector<std::vector<std::string>>;
using torch::optim::AdamOptions;

/// Three vectors, of which an optimizer trains those that its groups name; group g has the rate 0.1 / (g + 1).
struct ModelImpl : torch::nn::Module {
  ModelImpl() {
    for (const char* name : {"a", "b", "c"}) register_parameter(name, torch::ones({2}));
  }
};
TORCH_MODULE(Model);

template <class Optimizer, class Options>
struct Run {
  explicit Run(const Groups& groups) : optimizer(groups_of(groups), Options(0.1)) {
    state.add_module("model", model);
    state.add_optimizer("optimizer", optimizer);
  }

  std::vector<torch::optim::OptimizerParamGroup> groups_of(const Groups& groups) {
    std::vector<torch::optim::OptimizerParamGroup> made;
    for (const auto& names : groups) {
      std::vector<torch::Tensor> parameters;
      for (const auto& name : names) parameters.push_back(model->named_parameters()[name]);
      made.emplace_back(std::move(parameters), std::make_unique<Options>(0.1 / static_cast<double>(made.size() + 1)));
    }
    return made;
  }

  void step() {
    optimizer.step([&] {
      optimizer.zero_grad();
      torch::Tensor loss = torch::zeros({});
      for (const auto& parameter : model->parameters()) loss = loss + parameter.exp().sum();
      loss.backward();
      return loss;
    });
  }

  bool has_state(const std::string& name) {
    return optimizer.state().find(optimizer_state_key(model->named_parameters()[name])) != optimizer.state().end();
  }

  Model model;
  Optimizer optimizer;
  TrainingState state;
};

using AdamRun = Run<torch::optim::Adam, AdamOptions>;
using AdagradRun = Run<torch::optim::Adagrad, torch::optim::AdagradOptions>;
using LbfgsRun = Run<torch::optim::LBFGS, torch::optim::LBFGSOptions>;

template <class Saved = AdamRun>
MemoryCheckpoint saved(const Groups& groups) {
  Saved run(groups);
  run.step();
  return MemoryCheckpoint(run.state);
}

std::string refusal(MemoryCheckpoint checkpoint, const Groups& groups) {
  AdamRun live(groups);
  live.step();
  const MemoryCheckpoint before(live.state);
  try {
    checkpoint.restore(live.state);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(MemoryCheckpoint(live.state) == before);
    return error.what();
  }
  return "restored";
}

TEST_CASE("Each parameter that an optimizer gained or lost is named") {
  const std::string message = refusal(saved({{"a", "b"}}), {{"b", "c"}});
  REQUIRE_THAT(message, Catch::Contains("parameter model.a was in group 0 of optimizer optimizer when it was saved, "
                                        "and is not now"));
  REQUIRE_THAT(message, Catch::Contains("parameter model.c is in group 0 of optimizer optimizer, and was not when it "
                                        "was saved"));
  REQUIRE_THAT(message, !Catch::Contains("exp_avg") && Catch::Contains("RestoreOptions"));
}

TEST_CASE("A parameter that changed its group is named, with both") {
  REQUIRE_THAT(refusal(saved({{"a"}, {"b", "c"}}), {{"a", "b"}, {"c"}}),
               Catch::Contains("parameter model.b is in group 0 of optimizer optimizer, and was in group 1 when"));
}

TEST_CASE("Another order of a group's parameters, another number of groups: a mismatch") {
  REQUIRE_THAT(refusal(saved({{"a", "b"}}), {{"b", "a"}}), Catch::Contains("group 0 of optimizer optimizer holds its "
                                                                           "parameters in another order"));
  REQUIRE_THAT(refusal(saved({{"a"}, {"b"}}), {{"a"}}),
               Catch::Contains("param_groups.1 is in the checkpoint and not here") &&
                   Catch::Contains("parameter model.b was in group 1"));
  REQUIRE_THAT(refusal(saved({{"a"}}), {{"a"}, {"b"}}), Catch::Contains("param_groups.1 is missing"));
}

TEST_CASE("On request, lost parameters' state is left out, new ones start without, and the rest comes back") {
  MemoryCheckpoint checkpoint = saved({{"a", "b"}});
  AdamRun live(Groups{{"b", "c"}});
  live.step();
  const RestoreReport report = checkpoint.restore(live.state, {.strict = false});
  REQUIRE(report.unexpected == std::vector<std::string>{"optimizer.state.model.a"});
  REQUIRE(report.missing == std::vector<std::string>{"optimizer.state.model.c"});
  REQUIRE(live.has_state("b"));
  REQUIRE_FALSE(live.has_state("a"));
  REQUIRE_FALSE(live.has_state("c"));
  MemoryCheckpoint after(live.state);
  const std::string moment = "optimizer.state.model.b.exp_avg";
  REQUIRE(after.entry(moment) == checkpoint.entry(moment));
  REQUIRE_NOTHROW(live.step());
}

TEST_CASE("A parameter that moved to a group of other options takes its state along and those options on") {
  MemoryCheckpoint checkpoint = saved({{"a"}, {"b"}});
  AdamRun live(Groups{{"a", "b"}});
  const RestoreReport report = checkpoint.restore(live.state, {.strict = false});
  REQUIRE(report.missing.empty());
  REQUIRE(report.unexpected == std::vector<std::string>{"optimizer.param_groups.1"});
  REQUIRE(live.has_state("b"));
}

TEST_CASE("A parameter that is new to Adagrad starts as LibTorch starts it") {
  MemoryCheckpoint checkpoint = saved<AdagradRun>({{"a"}});
  AdagradRun live(Groups{{"a", "b"}});
  live.step();
  checkpoint.restore(live.state, {.strict = false});
  MemoryCheckpoint after(live.state);
  REQUIRE(after.entry("optimizer.state.model.b.sum").bytes == std::string(8, '\0'));
  REQUIRE(after.entry("optimizer.state.model.b.step").bytes == std::string(8, '\0'));
  REQUIRE(after.entry("optimizer.state.model.a.sum") == checkpoint.entry("optimizer.state.model.a.sum"));
  REQUIRE_NOTHROW(live.step());
}

TEST_CASE("LBFGS starts anew with other parameters, since its state is of all of them together") {
  MemoryCheckpoint checkpoint = saved<LbfgsRun>({{"a", "b"}});
  LbfgsRun live(Groups{{"a", "b", "c"}});
  live.step();
  REQUIRE_THROWS_WITH(checkpoint.restore(live.state), Catch::Contains("parameter model.c is in group 0"));
  checkpoint.restore(live.state, {.strict = false});
  REQUIRE_FALSE(live.has_state("a"));
  REQUIRE_NOTHROW(live.step());
}

TEST_CASE("A frozen parameter keeps the state that it had, and one that never had any has none") {
  AdamRun run(Groups{{"a", "b"}});
  run.model->named_parameters()["b"].set_requires_grad(false);
  run.step();
  MemoryCheckpoint checkpoint(run.state);
  REQUIRE_FALSE(checkpoint.has("optimizer.state.model.b.exp_avg"));
  run.model->named_parameters()["b"].set_requires_grad(true);
  run.step();
  MemoryCheckpoint both(run.state);
  run.model->named_parameters()["a"].set_requires_grad(false);
  both.restore(run.state);
  REQUIRE(run.has_state("a"));
  checkpoint.restore(run.state);
  REQUIRE_FALSE(run.has_state("b"));
}

}  // namespace
}  // namespace lastgood::test

// Restores that take in a part, or let something differ.
#include <catch2/catch.hpp>

#include <algorithm>

#include <lastgood/error.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {
namespace {

using Names = std::vector<std::string>;

/// A trained run, its checkpoint, and another run that went elsewhere.
struct Fixture {
  Fixture() : saved(1), checkpoint((saved.train(3), saved.state)), live(2), before((live.train(5), live.state)) {}

  /// Whether the entry is now what it is in the checkpoint; it must be what it was in the live run otherwise.
  bool came(const std::string& name) {
    MemoryCheckpoint now(live.state);
    const bool is_saved = now.entry(name) == checkpoint.entry(name);
    if (!is_saved) REQUIRE(now.entry(name) == before.entry(name));
    return is_saved;
  }

  Trainer saved;
  MemoryCheckpoint checkpoint;
  Trainer live;
  MemoryCheckpoint before;
};

TEST_CASE_METHOD(Fixture, "A chosen section comes back alone; the report tells what was left out") {
  const RestoreReport report = checkpoint.restore(live.state, {.sections = {Section::model}});
  REQUIRE(came("model.hidden.weight"));
  REQUIRE(came("model.norm.running_mean"));
  REQUIRE_FALSE(came("optimizer.state.model.hidden.weight.exp_avg"));
  REQUIRE_FALSE(came("noise"));
  REQUIRE_FALSE(came("data"));
  REQUIRE(report.missing.empty());
  REQUIRE(report.unexpected.empty());
  REQUIRE(std::count(report.skipped.begin(), report.skipped.end(), "halving") == 1);
  REQUIRE(report.skipped.size() == checkpoint.entries().size() - checkpoint.names(Section::model).size());
}

TEST_CASE_METHOD(Fixture, "Patterns choose names, and what they leave out may well differ") {
  checkpoint.entry("model.hidden.weight").spec.shape = {64};
  checkpoint.remove("optimizer.param_groups.0");
  checkpoint.restore(live.state, {.patterns = {"model.norm.*", "*.b?as"}});
  REQUIRE(came("model.norm.weight"));
  REQUIRE(came("model.hidden.bias"));
  REQUIRE_FALSE(came("model.decoder"));
  REQUIRE_THROWS_WITH(checkpoint.restore(live.state, {.patterns = {"*hidden.w**t"}}), Catch::Contains("float32 [64]"));
}

TEST_CASE_METHOD(Fixture, "An optimizer's state of a parameter is taken in whole, or not at all") {
  const std::string state = "optimizer.state.model.hidden.bias.";
  checkpoint.restore(live.state, {.patterns = {state + "*"}});
  REQUIRE(came(state + "exp_avg"));
  REQUIRE(came(state + "step"));
  REQUIRE_FALSE(came("optimizer.state.model.norm.bias.exp_avg"));
  REQUIRE_FALSE(came("optimizer.param_groups.1"));
  REQUIRE_THROWS_WITH(checkpoint.restore(live.state, {.patterns = {"*.exp_avg"}}),
                      Catch::Contains("is not selected, and other parts of the same state are"));
}

TEST_CASE_METHOD(Fixture, "Not strict: what is missing keeps its value, what is unexpected stays away; both are told") {
  checkpoint.remove("model.hidden.bias");
  checkpoint.remove("halving");
  checkpoint.entry("noise").spec.name = "other_noise";
  const RestoreReport report = checkpoint.restore(live.state, {.strict = false});
  REQUIRE(report.missing == Names{"model.hidden.bias", "halving", "noise"});
  REQUIRE(report.unexpected == Names{"other_noise"});
  REQUIRE(report.skipped.empty());
  REQUIRE(came("model.hidden.weight"));
  MemoryCheckpoint now(live.state);
  for (const auto& name : report.missing) REQUIRE(now.entry(name) == before.entry(name));
}

TEST_CASE_METHOD(Fixture, "Not strict, an optimizer that the checkpoint does not know keeps all that it has") {
  for (const auto& name : checkpoint.names(Section::optimizer)) checkpoint.remove(name);
  checkpoint.restore(live.state, {.strict = false});
  MemoryCheckpoint now(live.state);
  REQUIRE(now.names(Section::optimizer) == before.names(Section::optimizer));
  for (const auto& name : before.names(Section::optimizer)) REQUIRE(now.entry(name) == before.entry(name));
}

TEST_CASE_METHOD(Fixture, "Not strict, another shape is still a mismatch, and nothing changes") {
  checkpoint.entry("model.hidden.bias").spec.shape = {4, 2};
  REQUIRE_THROWS_WITH(checkpoint.restore(live.state, {.strict = false}), Catch::Contains("float32 [4, 2]"));
  REQUIRE(MemoryCheckpoint(live.state) == before);
}

/// A layer within a module, both of the given names, and its optimizer.
struct Named {
  Named(const std::string& module, const std::string& child) {
    outer.register_module(child, layer);
    optimizer = std::make_unique<torch::optim::Adam>(layer->parameters(), torch::optim::AdamOptions(0.1));
    state.add_module(module, outer);
    state.add_optimizer("optimizer", *optimizer);
  }
  torch::nn::Module outer;
  torch::nn::Linear layer{3, 2};
  std::unique_ptr<torch::optim::Adam> optimizer;
  TrainingState state;
};

TEST_CASE("Names are renamed up to a dot, those of parameters in an optimizer, too") {
  Named from("net", "body");
  Named to("model", "trunk");
  from.layer(torch::ones({1, 3})).sum().backward();
  from.optimizer->step();
  from.layer->eval();
  MemoryCheckpoint checkpoint(from.state);

  REQUIRE_THROWS_WITH(checkpoint.restore(to.state, {.renames = {{"ne", "model"}}}),
                      Catch::Contains("net.body.weight is in the checkpoint and not here"));
  checkpoint.restore(to.state, {.renames = {{"net.body", "model.trunk"}, {"net", "model"}}});
  MemoryCheckpoint now(to.state);
  REQUIRE(now.entry("model.trunk.weight").bytes == checkpoint.entry("net.body.weight").bytes);
  REQUIRE(now.entry("optimizer.state.model.trunk.bias.exp_avg").bytes ==
          checkpoint.entry("optimizer.state.net.body.bias.exp_avg").bytes);
  REQUIRE_FALSE(to.layer->is_training());

  REQUIRE_THROWS_WITH(checkpoint.restore(to.state, {.renames = {{"net.body.weight", "x"}, {"net.body.bias", "x"}}}),
                      Catch::Contains("both are renamed to x"));
}

TEST_CASE("Another dtype is converted on request alone, and only where it loses no more than digits") {
  const torch::Tensor source = torch::tensor({1.5, -2.25, 1e30}, torch::kDouble);
  TrainingState from;
  from.add_tensor("value", source);
  MemoryCheckpoint checkpoint(from);
  SECTION("to fewer digits") {
    const torch::Tensor target = torch::zeros({3}, torch::kBFloat16);
    TrainingState to;
    to.add_tensor("value", target);
    REQUIRE_THROWS_WITH(checkpoint.restore(to), Catch::Contains("float64 [3] in the checkpoint and bfloat16 [3] here"));
    const RestoreReport report = checkpoint.restore(to, {.convert_dtypes = true});
    REQUIRE(report.converted == Names{"value"});
    REQUIRE(torch::equal(target, source.to(torch::kBFloat16)));
  }
  SECTION("not to whole numbers") {
    TrainingState to;
    to.add_tensor("value", torch::zeros({3}, torch::kLong));
    REQUIRE_THROWS_WITH(checkpoint.restore(to, {.convert_dtypes = true}), Catch::Contains("and int64 [3] here"));
  }
}

TEST_CASE("Weights that are tied in the checkpoint alone come apart in a partial restore, and in no other") {
  torch::nn::Linear one(3, 3), two(3, 3);
  const auto build = [&](TrainingState& state) {
    state.add_module("one", one);
    state.add_module("two", two);
  };
  TrainingState state;
  build(state);
  const torch::Tensor own = two->weight.data();
  two->weight.set_data(one->weight.data());
  MemoryCheckpoint checkpoint(state);
  const torch::Tensor expected = one->weight.detach().clone();
  two->weight.set_data(own);
  one->weight.data().zero_();

  REQUIRE_THROWS_WITH(checkpoint.restore(state), Catch::Contains("tied to one.weight in the checkpoint"));
  const RestoreOptions options = GENERATE(RestoreOptions{.strict = false}, RestoreOptions{.patterns = {"two.*"}});
  checkpoint.restore(state, options);
  REQUIRE(torch::equal(two->weight, expected));
  REQUIRE(torch::equal(one->weight, expected) == !options.strict);
}

}  // namespace
}  // namespace lastgood::test

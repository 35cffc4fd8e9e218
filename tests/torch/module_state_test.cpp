// What a module holds beside parameters and buffers: modes and gradients.
#include <catch2/catch.hpp>

#include <lastgood/error.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

struct Mixed {
  Mixed() { state.add_module("model", model); }
  torch::nn::Linear linear{2, 2};
  torch::nn::Dropout dropout;
  torch::nn::ModuleList model{linear, torch::nn::ModuleList(dropout)};
  TrainingState state;
};

TEST_CASE("Training modes come back, module by module") {
  const int frozen = GENERATE(range(0, 8));
  Mixed mixed;
  mixed.model->train((frozen & 1) == 0);
  mixed.linear->train((frozen & 2) == 0);
  mixed.dropout->train((frozen & 4) == 0);
  MemoryCheckpoint checkpoint(mixed.state);
  Mixed other;
  other.model->train((frozen & 2) != 0);
  checkpoint.restore(other.state);
  REQUIRE(other.model->is_training() == mixed.model->is_training());
  REQUIRE(other.linear->is_training() == mixed.linear->is_training());
  REQUIRE(other.dropout->is_training() == mixed.dropout->is_training());
  REQUIRE(MemoryCheckpoint(other.state) == checkpoint);
}

TEST_CASE("Modes are named by module, and a module that is gone is a mismatch when strict") {
  Mixed mixed;
  mixed.dropout->eval();
  MemoryCheckpoint checkpoint(mixed.state);
  REQUIRE(checkpoint.entry("model.training").bytes == R"({"others":["model.1.0"],"training":true})");
  checkpoint.put("model.training", R"({"others":["model.2"],"training":false})");
  REQUIRE_THROWS_WITH(checkpoint.restore(mixed.state), Catch::Contains("module model.2 is in the checkpoint and not"));
  REQUIRE(mixed.model->is_training());
  const RestoreReport report = checkpoint.restore(mixed.state, {.strict = false});
  REQUIRE(report.unexpected == std::vector<std::string>{"model.2"});
  REQUIRE_FALSE(mixed.model->is_training());
  checkpoint.put("model.training", "[]");
  REQUIRE_THROWS_WITH(checkpoint.restore(mixed.state), Catch::Contains("model.training is not a module's mode"));
}

TEST_CASE("A model on the stack, which LibTorch cannot name as a module, keeps its mode as well") {
  struct Plain : torch::nn::Module {};
  Plain plain;
  TrainingState state;
  state.add_module("plain", plain);
  plain.eval();
  MemoryCheckpoint checkpoint(state);
  plain.train();
  checkpoint.restore(state);
  REQUIRE_FALSE(plain.is_training());
}

TEST_CASE("Gradients that add up go on where they stood; undefined ones stay so") {
  const auto backward = [](torch::nn::Linear& model) { model(torch::ones({1, 2})).pow(3).sum().backward(); };
  torch::nn::Linear model(2, 2);
  model->bias.set_requires_grad(false);
  TrainingState state;
  state.add_module("model", model);
  state.add_gradients("gradients");
  backward(model);
  MemoryCheckpoint middle(state);
  REQUIRE_FALSE(middle.has("gradients.model.bias"));
  backward(model);
  const torch::Tensor expected = model->weight.grad().clone();

  model->bias.mutable_grad() = torch::ones({2});
  SECTION("over gradients of its own") {}
  SECTION("where there are none") {
    model->weight.mutable_grad() = torch::Tensor();
  }
  middle.restore(state);
  REQUIRE_FALSE(model->bias.grad().defined());
  REQUIRE(MemoryCheckpoint(state) == middle);
  backward(model);
  REQUIRE(torch::equal(model->weight.grad(), expected));
}

TEST_CASE("A restore that does not select gradients leaves them, and a sparse one is refused by name") {
  torch::nn::Embedding model(torch::nn::EmbeddingOptions(4, 2).sparse(true));
  TrainingState state;
  state.add_module("model", model);
  state.add_gradients("gradients");
  MemoryCheckpoint checkpoint(state);
  model(torch::tensor({1})).sum().backward();
  REQUIRE_THROWS_WITH(state.capture(), Catch::Contains("gradients.model.weight") && Catch::Contains("not dense"));
  checkpoint.restore(state, {.sections = {Section::model}});
  REQUIRE(model->weight.grad().defined());
}

TEST_CASE("A parameter of two names has one gradient") {
  torch::nn::Linear model(2, 2);
  TrainingState state;
  state.add_module("one", model);
  state.add_module("two", model);
  state.add_gradients("gradients");
  model(torch::ones({1, 2})).sum().backward();
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.has("gradients.one.weight"));
  REQUIRE_FALSE(checkpoint.has("gradients.two.weight"));
}

}  // namespace
}  // namespace lastgood::test

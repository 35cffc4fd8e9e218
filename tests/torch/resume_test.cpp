#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/torch/memory_checkpoint.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {
namespace {

TEST_CASE("A run that was stopped and restored is the uninterrupted run to the bit") {
  constexpr int kSteps = 17;  // two epochs of seven batches, and a part of a third
  Trainer straight(5);
  const std::vector<float> losses = straight.train(kSteps);
  const MemoryCheckpoint end(straight.state);

  const int stop = GENERATE(0, 1, 3, 6, 7, 8, 13);
  const std::size_t workers = GENERATE(0, 1, 2);
  CAPTURE(stop, workers);
  Trainer first(5, workers);
  std::vector<float> resumed = first.train(stop);
  MemoryCheckpoint checkpoint(first.state);

  Trainer second(99, workers);
  second.train(2);
  checkpoint.restore(second.state);
  const std::vector<float> rest = second.train(kSteps - stop);
  resumed.insert(resumed.end(), rest.begin(), rest.end());
  REQUIRE(resumed == losses);
  REQUIRE(MemoryCheckpoint(second.state) == end);
}

TEST_CASE("A state that did not change is captured alike twice, and alike again after a restore elsewhere") {
  Trainer trainer(3);
  trainer.train(4);
  MemoryCheckpoint first(trainer.state);
  REQUIRE(MemoryCheckpoint(trainer.state) == first);

  Trainer other(4);
  REQUIRE_FALSE(MemoryCheckpoint(other.state) == first);
  first.restore(other.state);
  REQUIRE(MemoryCheckpoint(other.state) == first);
}

TEST_CASE("Entries bear the names of their parts, in the order of registration and of the module") {
  Trainer trainer(3);
  trainer.train(1);
  MemoryCheckpoint checkpoint(trainer.state);
  REQUIRE(checkpoint.names(Section::model) ==
          std::vector<std::string>{"model.decoder", "model.embedding.weight", "model.hidden.weight",
                                   "model.hidden.bias", "model.norm.weight", "model.norm.bias",
                                   "model.norm.running_mean", "model.norm.running_var",
                                   "model.norm.num_batches_tracked"});
  REQUIRE(checkpoint.names(Section::scheduler) == std::vector<std::string>{"step_lr", "halving"});
  REQUIRE(checkpoint.names(Section::extra) == std::vector<std::string>{"model.training", "data"});
  const auto generators = checkpoint.names(Section::rng);
  REQUIRE(std::count(generators.begin(), generators.end(), "noise") == 1);
  REQUIRE(std::count(generators.begin(), generators.end(), "default.cpu") == 1);
}

TEST_CASE("Tied weights are kept once, come back tied, and stay bound to the optimizer") {
  Trainer trainer(3);
  trainer.train(2);
  MemoryCheckpoint checkpoint(trainer.state);
  REQUIRE(checkpoint.entry("model.embedding.weight").spec.alias_of == "model.decoder");
  REQUIRE(checkpoint.entry("model.decoder").spec.alias_of.empty());

  const void* memory = trainer.net->decoder.data_ptr();
  trainer.train(2);
  checkpoint.restore(trainer.state);
  REQUIRE(trainer.net->decoder.data_ptr() == memory);
  REQUIRE(trainer.net->embedding->weight.is_same(trainer.net->decoder));
  REQUIRE(trainer.optimizer.param_groups()[0].params()[0].is_same(trainer.net->decoder));
}

TEST_CASE("Tensors that share their memory without being one object are tied, too") {
  torch::nn::Linear one(3, 3);
  torch::nn::Linear two(3, 3);
  two->weight.set_data(one->weight.data());
  TrainingState state;
  state.add_module("one", one);
  state.add_module("two", two);
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.entry("two.weight").spec.alias_of == "one.weight");
  REQUIRE(checkpoint.entry("two.bias").spec.alias_of.empty());
}

TEST_CASE("Generators come back last, after parts whose loading draws from them") {
  torch::manual_seed(8);
  TrainingState state;
  state.add_json(
      "greedy", [] { return std::string("1"); }, [](const std::string&) { torch::rand({100}); });
  MemoryCheckpoint checkpoint(state);
  const torch::Tensor expected = torch::rand({4});
  checkpoint.restore(state);
  REQUIRE(torch::equal(torch::rand({4}), expected));
}

TEST_CASE("Extra texts and tensors come back, in place") {
  std::string note = R"({"best": 0.25})";
  const torch::Tensor average = torch::arange(6, torch::kDouble);
  TrainingState state;
  state.add_json(
      "note", [&] { return note; }, [&](const std::string& text) { note = text; });
  state.add_tensor("average", average);
  MemoryCheckpoint checkpoint(state);
  note = "null";
  average.zero_();
  checkpoint.restore(state);
  REQUIRE(note == R"({"best": 0.25})");
  REQUIRE(torch::equal(average, torch::arange(6, torch::kDouble)));
}

TEST_CASE("A part's name is neither empty, nor dotted, nor taken") {
  TrainingState state;
  torch::nn::Linear linear(2, 2);
  state.add_module("model", linear);
  const auto code_of = [&](const std::string& name) {
    try {
      state.add_module(name, linear);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  REQUIRE(code_of("") == ErrorCode::invalid_argument);
  REQUIRE(code_of("a.b") == ErrorCode::invalid_argument);
  REQUIRE(code_of("model") == ErrorCode::already_exists);
  REQUIRE(MemoryCheckpoint(state).names(Section::model).size() == 2);
}

TEST_CASE("A text that is not JSON is refused by name when it is captured") {
  TrainingState state;
  state.add_json(
      "note", [] { return std::string("{oops"); }, [](const std::string&) {});
  REQUIRE_THROWS_WITH(state.capture(), Catch::Contains("note") && Catch::Contains("not JSON"));
}

}  // namespace
}  // namespace lastgood::test

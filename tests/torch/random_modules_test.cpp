// Module trees and tensors of every sort, thrown together at random; the same ones in every run of the test.
#include <catch2/catch.hpp>

#include <map>
#include <random>

#include <torch/torch.h>

#include <lastgood/session.h>
#include <lastgood/store.h>

#include "tests/support/temporary_directory.h"
#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

constexpr at::ScalarType kTypes[] = {torch::kBool,
                                     torch::kByte,
                                     torch::kChar,
                                     torch::kShort,
                                     torch::kInt,
                                     torch::kLong,
                                     torch::kHalf,
                                     torch::kBFloat16,
                                     torch::kFloat,
                                     torch::kDouble,
                                     torch::kComplexFloat,
                                     torch::kComplexDouble,
                                     at::ScalarType::ComplexHalf};

/// Names, types, shapes and ties follow from one seed; memory layouts and contents each from another.
class Grower {
 public:
  Grower(unsigned shape_seed, unsigned other_seed) : shape_(shape_seed), other_(other_seed) {}

  std::shared_ptr<torch::nn::Module> grow(int depth = 0) {
    auto module = std::make_shared<torch::nn::Module>("grown");
    const std::size_t tensors = pick(shape_, 4);
    for (std::size_t i = 0; i < tensors; ++i) add_tensor(*module, "t" + std::to_string(i));
    const std::size_t children = depth == 4 ? 0 : pick(shape_, 4);
    for (std::size_t i = 0; i < children; ++i) {
      // Not every name is ASCII.
      module->register_module((i == 1 ? "größe_層" : "child") + std::to_string(i), grow(depth + 1));
    }
    if (pick(other_, 3) == 0) module->eval();
    return module;
  }

 private:
  static std::size_t pick(std::mt19937& from, std::size_t count) { return from() % count; }

  void add_tensor(torch::nn::Module& module, const std::string& name) {
    const bool is_tied = !known_.empty() && pick(shape_, 5) == 0;
    const torch::Tensor tensor = is_tied ? known_[pick(shape_, known_.size())] : make();
    known_.push_back(tensor);
    if (tensor.is_floating_point() && pick(shape_, 2) == 0) {
      module.register_parameter(name, tensor);
    } else {
      module.register_buffer(name, tensor);
    }
  }

  torch::Tensor make() {
    const at::ScalarType type = kTypes[pick(shape_, std::size(kTypes))];
    std::vector<std::int64_t> sizes(pick(shape_, 6));
    for (auto& size : sizes) size = static_cast<std::int64_t>(pick(shape_, 5));
    const torch::Tensor tensor = laid_out(sizes, type);
    const torch::Tensor bytes = torch::empty(sizes, type);
    auto* raw = static_cast<unsigned char*>(bytes.data_ptr());
    const unsigned limit = type == torch::kBool ? 2 : 256;
    for (std::size_t i = 0; i < bytes.nbytes(); ++i) raw[i] = static_cast<unsigned char>(pick(other_, limit));
    tensor.copy_(bytes);
    return tensor;
  }

  torch::Tensor laid_out(const std::vector<std::int64_t>& sizes, at::ScalarType type) {
    const auto dimensions = static_cast<std::int64_t>(sizes.size());
    switch (pick(other_, 4)) {
      case 0:
        if (dimensions >= 2) {
          std::vector<std::int64_t> reversed(sizes.rbegin(), sizes.rend());
          std::vector<std::int64_t> order;
          for (std::int64_t i = dimensions; i > 0; --i) order.push_back(i - 1);
          return torch::empty(reversed, type).permute(order);
        }
        [[fallthrough]];
      case 1:
        if (dimensions >= 1) {
          std::vector<std::int64_t> larger = sizes;
          larger.back() = 2 * larger.back() + 1;
          return torch::empty(larger, type).slice(-1, 1, larger.back(), 2);
        }
        [[fallthrough]];
      case 2:
        if (dimensions == 4) return torch::empty(sizes, type).to(at::MemoryFormat::ChannelsLast);
        if (dimensions == 5) return torch::empty(sizes, type).to(at::MemoryFormat::ChannelsLast3d);
        [[fallthrough]];
      default: return torch::empty(sizes, type);
    }
  }

  std::mt19937 shape_;
  std::mt19937 other_;
  std::vector<torch::Tensor> known_;
};

struct Grown {
  Grown(unsigned shape_seed, unsigned other_seed) : module(Grower(shape_seed, other_seed).grow()) {
    state.add_module("model", module);
  }
  std::shared_ptr<torch::nn::Module> module;
  TrainingState state;
};

/// Where each of the module's tensors lies, and how.
std::map<std::string, std::pair<const void*, std::vector<std::int64_t>>> layouts(const torch::nn::Module& module) {
  std::map<std::string, std::pair<const void*, std::vector<std::int64_t>>> found;
  for (const auto& item : module.named_parameters()) {
    found[item.key()] = {item.value().data_ptr(), item.value().strides().vec()};
  }
  for (const auto& item : module.named_buffers()) {
    found[item.key()] = {item.value().data_ptr(), item.value().strides().vec()};
  }
  return found;
}

TEST_CASE("A random module comes back to the bit into one of other contents and layouts, which keeps its layouts") {
  std::size_t tensors = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Grown saved(seed, 1000 + seed);
    MemoryCheckpoint checkpoint(saved.state);
    REQUIRE(MemoryCheckpoint(saved.state) == checkpoint);
    Grown other(seed, 2000 + seed);
    const auto before = layouts(*other.module);
    checkpoint.restore(other.state);
    REQUIRE(MemoryCheckpoint(other.state) == checkpoint);
    REQUIRE(layouts(*other.module) == before);
    tensors += before.size();
  }
  REQUIRE(tensors > 500);
}

TEST_CASE("The digest of a random module tells its contents, and nothing of its layouts") {
  const TemporaryDirectory directory;
  Store store = Store::create(directory.path() / "store");
  Session session = store.start_session("run");
  for (unsigned seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    Grown saved(seed, 5);
    if (layouts(*saved.module).empty()) continue;
    const SaveOutcome first = session.save(saved.state.capture().views(), {.step = 1});
    REQUIRE(session.save(saved.state.capture().views(), {.step = 2}).digest == first.digest);
    Grown other(seed, 6);
    REQUIRE_FALSE(session.save(other.state.capture().views(), {.step = 3}).digest == first.digest);
    other.state.restore(store, first.value());
    REQUIRE(session.save(other.state.capture().views(), {.step = 4}).digest == first.digest);
  }
}

TEST_CASE("A module that is a thousand levels deep comes back") {
  const auto build = [](float value) {
    auto module = std::make_shared<torch::nn::Module>("leaf");
    module->register_parameter("w", torch::full({2}, value));
    for (int level = 0; level < 1000; ++level) {
      auto parent = std::make_shared<torch::nn::Module>("level");
      parent->register_module("m", std::move(module));
      module = std::move(parent);
    }
    return module;
  };
  const TemporaryDirectory directory;
  Store store = Store::create(directory.path() / "store");
  Session session = store.start_session("run");
  const auto saved = build(3);
  TrainingState state;
  state.add_module("model", saved);
  const CheckpointId checkpoint = session.save(state.capture().views(), {.step = 1}).value();
  const auto other = build(4);
  TrainingState other_state;
  other_state.add_module("model", other);
  other_state.restore(store, checkpoint);
  REQUIRE(torch::equal(other->parameters().at(0), torch::full({2}, 3.0F)));
}

}  // namespace
}  // namespace lastgood::test

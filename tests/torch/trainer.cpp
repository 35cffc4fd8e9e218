#include "tests/torch/trainer.h"

#include <ATen/CPUGeneratorImpl.h>

#include <stdexcept>

namespace lastgood::test {
namespace {

constexpr std::int64_t kTokens = 11;
constexpr std::size_t kExamples = 26;

/// Example i is the token i modulo kTokens; what follows is the next one.
struct Tokens : torch::data::datasets::BatchDataset<Tokens, torch::Tensor> {
  torch::Tensor get_batch(torch::ArrayRef<std::size_t> indices) override {
    std::vector<std::int64_t> tokens;
    for (const std::size_t index : indices) tokens.push_back(static_cast<std::int64_t>(index) % kTokens);
    return torch::tensor(tokens, torch::kLong);
  }
  torch::optional<std::size_t> size() const override { return kExamples; }
};

std::vector<torch::optim::OptimizerParamGroup> groups_of(Net& net) {
  // Not AdamW's default, 1e-3: newer LibTorch takes that for a rate that was not given.
  auto slow = std::make_unique<torch::optim::AdamWOptions>(2e-3);
  slow->betas({0.8, 0.95}).amsgrad(true);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<torch::Tensor>{net->embedding->weight}, std::move(slow));
  std::vector<torch::Tensor> rest = net->hidden->parameters();
  for (const auto& parameter : net->norm->parameters()) rest.push_back(parameter);
  groups.emplace_back(std::move(rest));
  return groups;
}

}  // namespace

NetImpl::NetImpl(std::int64_t width)
    : embedding(register_module("embedding", torch::nn::Embedding(kTokens, width))),
      hidden(register_module("hidden", torch::nn::Linear(width, width))),
      norm(register_module("norm", torch::nn::BatchNorm1d(width))),
      dropout(register_module("dropout", torch::nn::Dropout(0.3))),
      decoder(register_parameter("decoder", embedding->weight)) {}

torch::Tensor NetImpl::forward(const torch::Tensor& tokens, const at::Generator& noise) {
  torch::Tensor x = dropout(torch::relu(norm(hidden(embedding(tokens)))));
  x = x + 0.01 * torch::empty_like(x).normal_(0, 1, noise);
  return torch::matmul(x, decoder.t());
}

void HalvingSchedule::step() {
  if (++steps_ % period_ != 0) return;
  for (auto& group : optimizer_.param_groups()) group.options().set_lr(group.options().get_lr() / 2);
}

void HalvingSchedule::load_state(const std::string& json) {
  const int steps = std::stoi(json);
  if (steps < 0) throw std::invalid_argument("a negative number of steps");
  steps_ = steps;
}

Trainer::Trainer(std::uint64_t seed, std::size_t loader_workers, std::int64_t width)
    : net((torch::manual_seed(seed), width)),
      optimizer(groups_of(net), torch::optim::AdamWOptions(3e-3)),
      step_lr(optimizer, 3, 0.9),
      halving(optimizer, 4),
      noise(at::detail::createCPUGenerator(seed + 1)),
      position(std::make_shared<DataPosition>(kExamples, DataOptions{.seed = seed})),
      workers(loader_workers) {
  state.add_module("model", net);
  state.add_optimizer("optimizer", optimizer);
  state.add_scheduler("step_lr", step_lr);
  state.add_scheduler("halving", halving);
  state.add_generator("noise", noise);
  state.add_data_position("data", *position);
}

std::vector<float> Trainer::train(int steps) {
  std::vector<float> losses;
  auto loader = torch::data::make_data_loader(Tokens(), ResumableSampler(position),
                                              torch::data::DataLoaderOptions(4).workers(workers));
  while (static_cast<int>(losses.size()) < steps) {
    for (auto& tokens : *loader) {
      optimizer.zero_grad();
      auto loss = torch::nn::functional::cross_entropy(net->forward(tokens, noise), (tokens + 1) % kTokens);
      loss.backward();
      optimizer.step();
      step_lr.step();
      halving.step();
      position->consumed();
      losses.push_back(loss.item<float>());
      if (static_cast<int>(losses.size()) == steps) break;
    }
  }
  return losses;
}

}  // namespace lastgood::test

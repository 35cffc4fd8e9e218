// A small training for tests of the monitor: tied weights, a buffer, an optimizer with state.
#pragma once

#include <limits>

#include <torch/torch.h>

#include <lastgood/torch/optimizer_tensors.h>
#include <lastgood/torch/stability_monitor.h>

namespace lastgood::test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

struct NetImpl : torch::nn::Module {
  NetImpl() {
    torch::manual_seed(1);
    embedding = register_module("embedding", torch::nn::Embedding(5, 4));
    hidden = register_module("hidden", torch::nn::Linear(4, 4));
    norm = register_module("norm", torch::nn::BatchNorm1d(4));
    decoder = register_parameter("decoder", embedding->weight);
  }
  torch::Tensor forward(const torch::Tensor& tokens) {
    return torch::matmul(norm(hidden(embedding(tokens))), decoder.t());
  }

  torch::nn::Embedding embedding{nullptr};
  torch::nn::Linear hidden{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
  torch::Tensor decoder;  // is the embedding's weight
};
TORCH_MODULE(Net);

struct Training {
  Net model;
  torch::optim::AdamW optimizer{model->parameters(), torch::optim::AdamWOptions(1e-3)};
  torch::Tensor loss;
  torch::Tensor logits;

  void backward() {
    const torch::Tensor tokens = torch::tensor({0, 1, 2, 3, 4}, torch::kLong);
    optimizer.zero_grad();
    logits = model->forward(tokens);
    loss = torch::nn::functional::cross_entropy(logits, (tokens + 1) % 5);
    loss.backward();
  }
  void step() {
    backward();
    optimizer.step();
  }
};

/// Overwrites one element without anybody's noticing.
inline void poke(const torch::Tensor& tensor, double value) {
  const torch::NoGradGuard no_grad;
  tensor.detach().view({-1})[1] = value;
}

}  // namespace lastgood::test

// A small training run with everything that a resume must bring back: tied weights, dropout from the default generator
// and from a private one, batch norm, AdamW in two groups, a schedule, a shuffling loader with workers.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include <lastgood/torch.h>

namespace lastgood::test {

struct NetImpl : torch::nn::Module {
  explicit NetImpl(std::int64_t width = 8);
  torch::Tensor forward(const torch::Tensor& tokens, const at::Generator& noise);

  torch::nn::Embedding embedding;
  torch::nn::Linear hidden;
  torch::nn::BatchNorm1d norm;
  torch::nn::Dropout dropout;
  torch::Tensor decoder;  // is the embedding's weight
};
TORCH_MODULE(Net);

/// Halves the rate every `period` steps.
class HalvingSchedule : public Stateful {
 public:
  HalvingSchedule(torch::optim::Optimizer& optimizer, int period) : optimizer_(optimizer), period_(period) {}
  void step();
  std::string save_state() const override { return std::to_string(steps_); }
  void load_state(const std::string& json) override;

 private:
  torch::optim::Optimizer& optimizer_;
  int period_;
  int steps_ = 0;
};

struct Trainer {
  explicit Trainer(std::uint64_t seed, std::size_t workers = 2, std::int64_t width = 8);

  /// Trains for that many batches, going on over epochs, and returns each loss.
  std::vector<float> train(int steps);

  Net net;
  torch::optim::AdamW optimizer;
  torch::optim::StepLR step_lr;
  HalvingSchedule halving;
  at::Generator noise;
  std::shared_ptr<DataPosition> position;
  TrainingState state;
  std::size_t workers;
};

}  // namespace lastgood::test

// A training state as the monitor looks at it.
#pragma once

#include <memory>

#include <lastgood/torch.h>
#include <lastgood/torch/stability_monitor.h>

namespace lastgood::loop {

/// All modules and optimizers of a state, as they were registered. One module by itself, so that names are its own;
/// several as children of one that holds them, by their names.
class Watched {
 public:
  explicit Watched(const TrainingState& state);

  WatchedModule model() const noexcept { return {*model_}; }
  const WatchedOptimizers& optimizers() const noexcept { return optimizers_; }

 private:
  std::shared_ptr<torch::nn::Module> model_;
  WatchedOptimizers optimizers_;
};

}  // namespace lastgood::loop

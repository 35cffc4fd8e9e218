// The tensors of a training, by name: what a scan looks at. Each tensor once, under its first name.
#pragma once

#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <lastgood/monitor_step.h>

namespace lastgood::monitor {

struct WatchedTensor {
  std::string name;
  TensorKind kind;
  at::Tensor tensor;
};

using WatchList = std::vector<WatchedTensor>;

/// Those that can be anything but finite; of the gradients, those that are there.
void list_parameters(const torch::nn::Module& module, WatchList& list);
void list_buffers(const torch::nn::Module& module, WatchList& list);
void list_gradients(const torch::nn::Module& module, WatchList& list);

/// `PARAMETER.exp_avg`; where a parameter is not of the module, `param_groups.0.3.exp_avg`, by its place.
/// Error: invalid_argument for an optimizer whose state is not known.
void list_optimizer_state(const torch::nn::Module& module, const torch::optim::Optimizer& optimizer, WatchList& list);

}  // namespace lastgood::monitor

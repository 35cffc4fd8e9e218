// The tensors that an optimizer keeps for its parameters, whichever of LibTorch's it is: for whoever looks at all of a
// training state, as a monitor does.
#pragma once

#include <string>
#include <vector>

#include <torch/optim/optimizer.h>

namespace lastgood {

/// One of them. Handles of the live tensors, not copies.
struct OptimizerTensor {
  at::Tensor parameter;  // that it belongs to; for LBFGS, which keeps one state for all parameters, the first one
  std::string field;     // as in a checkpoint: exp_avg, or old_dirs.0 where it is one of a list
  at::Tensor tensor;     // defined
};

/// In the order of groups, parameters and fields. Parameters without state, and numbers that are no tensors, have none.
/// Error: invalid_argument unless it is an SGD, Adam, AdamW, RMSprop, Adagrad or LBFGS.
std::vector<OptimizerTensor> optimizer_tensors(const torch::optim::Optimizer& optimizer);

}  // namespace lastgood

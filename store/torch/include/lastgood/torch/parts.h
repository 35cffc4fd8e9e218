// What acts on a training as a whole: which objects a TrainingState holds, whether they were written to, and their
// conversion to a wider type.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/torch.h>
#include <torch/types.h>

namespace lastgood {

/// Registered objects by name, in the order of their registration.
struct TrainingParts {
  std::vector<std::pair<std::string, torch::nn::Module*>> modules;
  std::vector<std::pair<std::string, torch::optim::Optimizer*>> optimizers;
  std::vector<std::pair<std::string, Stateful*>> data_positions;
  bool has_gradients = false;  // add_gradients() was called
};

/// As they are registered now; pointers are good for as long as the objects.
TrainingParts parts_of(const TrainingState& state);

/// Another number after every write to a parameter, a buffer, an optimizer's state, or a gradient that the state keeps:
/// whether a step has changed anything, without a look at the numbers themselves. Means nothing in another process. Not
/// seen: writes past LibTorch's own count of versions, through data_ptr() or set_data(). Microseconds, by the number of
/// tensors.
std::uint64_t state_version(const TrainingState& state);

/// Converts what is narrower than `precision` (float32 or float64; complex tensors to complex64 or complex128): the
/// modules' parameters, gradients and buffers, and the optimizers' state of them. Parameters keep their identity, so
/// optimizers and ties stay bound to them, and every value stays what it was; views that overlap in part come apart.
/// False when nothing is narrower. Inputs, and tensors of add_tensor(), are the caller's to convert.
/// A checkpoint from before fits with RestoreOptions::convert_dtypes.
///
/// REQUIRES: no save of the state is being staged. All or nothing. Errors: invalid_argument for another type; io when
/// there is not enough memory.
bool widen(TrainingState& state, at::ScalarType precision);

}  // namespace lastgood

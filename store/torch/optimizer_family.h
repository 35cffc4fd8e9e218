// The optimizers that can be kept, each as the list of its options and of its state, walked by one code for all.
// Pointers in a field are into the options or the state that it was made of, and live no longer.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <torch/optim/optimizer.h>

#include <lastgood/torch/version.h>

namespace lastgood::adapter {

/// An option of a parameter group: a name and where its value is.
struct OptionField {
  const char* name;
  std::variant<double*, bool*, std::tuple<double, double>*, std::int64_t*, Optional<std::int64_t>*,
               Optional<std::string>*>
      value;
};

/// Tensors in order; some may be undefined, and where it is optional, there may be no list.
using TensorDeque = std::deque<at::Tensor>;
using OptionalTensors = Optional<std::vector<at::Tensor>>;

/// What the shape of a piece of state is.
enum class FieldShape { of_parameter, of_its_own };

/// A piece of a parameter's state. One that is not required may be undefined.
struct StateField {
  const char* name;
  std::variant<std::int64_t*, double*, at::Tensor*, TensorDeque*, OptionalTensors*> value;
  bool required = true;
  FieldShape shape = FieldShape::of_parameter;
};

/// One row of a constant table. `options` and `state` list the fields in the order of the entries.
struct OptimizerFamily {
  const char* name;
  bool (*owns)(const torch::optim::OptimizerOptions& options);
  std::vector<OptionField> (*options)(torch::optim::OptimizerOptions& options);
  std::vector<StateField> (*state)(torch::optim::OptimizerParamState& state);
  std::unique_ptr<torch::optim::OptimizerParamState> (*make_state)();
  /// The state that a parameter has before its first step; null where it has none.
  std::unique_ptr<torch::optim::OptimizerParamState> (*first_state)(
      const at::Tensor& parameter, const torch::optim::OptimizerOptions& defaults) = nullptr;
  /// One state for all parameters together, kept at the first: good for exactly those, in that order.
  bool is_joint = false;
};

/// A parameter group as a checkpoint has it.
struct SavedGroup {
  std::vector<std::string> parameters;
  std::unique_ptr<torch::optim::OptimizerOptions> options;
};

/// Null for an optimizer that is of none of them.
const OptimizerFamily* find_family(const torch::optim::Optimizer& optimizer);
/// Throws Error(invalid_argument) for such a one.
const OptimizerFamily& family_of(const std::string& name, const torch::optim::Optimizer& optimizer);

/// The options as a JSON object, and back. Every double comes back to the bit, NaN and infinities included.
std::string options_to_json(const OptimizerFamily& family, const torch::optim::OptimizerOptions& options,
                            const std::vector<std::string>& parameters);
/// `options` with the values of the text. Throws std::exception for a text of something else.
SavedGroup group_from_json(const OptimizerFamily& family, const torch::optim::OptimizerOptions& options,
                           const std::string& text);
/// Assigns them one by one, so that references to the options stay good. REQUIRES: both of `family`.
void assign_options(const OptimizerFamily& family, torch::optim::OptimizerOptions& from,
                    torch::optim::OptimizerOptions& to) noexcept;

}  // namespace lastgood::adapter

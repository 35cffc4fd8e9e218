// The optimizers that can be kept, each as the list of its options and of its state, walked by one code for all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <torch/optim/optimizer.h>

namespace lastgood::adapter {

/// An option of a parameter group: a name and where its value is.
struct OptionField {
  const char* name;
  std::variant<double*, bool*, std::tuple<double, double>*> value;
};

/// A piece of a parameter's state. One that is not required may be undefined.
struct StateField {
  const char* name;
  std::variant<std::int64_t*, at::Tensor*> value;
  bool required = true;
};

struct OptimizerFamily {
  const char* name;
  bool (*owns)(const torch::optim::OptimizerOptions& options);
  std::vector<OptionField> (*options)(torch::optim::OptimizerOptions& options);
  std::vector<StateField> (*state)(torch::optim::OptimizerParamState& state);
  std::unique_ptr<torch::optim::OptimizerParamState> (*make_state)();
};

/// Throws Error(invalid_argument) for an optimizer that is of none of them.
const OptimizerFamily& family_of(const std::string& name, const torch::optim::Optimizer& optimizer);

/// The options as a JSON object, and back. Every double comes back to the bit, NaN and infinities included.
std::string options_to_json(const OptimizerFamily& family, const torch::optim::OptimizerOptions& options,
                            const std::vector<std::string>& parameters);
/// `options` with the values of the text. Throws std::exception for a text of something else, or other `parameters`.
std::unique_ptr<torch::optim::OptimizerOptions> options_from_json(const OptimizerFamily& family,
                                                                  const torch::optim::OptimizerOptions& options,
                                                                  const std::vector<std::string>& parameters,
                                                                  const std::string& text);
/// Assigns them one by one, so that references to the options stay good. REQUIRES: both of `family`.
void assign_options(const OptimizerFamily& family, torch::optim::OptimizerOptions& from,
                    torch::optim::OptimizerOptions& to) noexcept;

}  // namespace lastgood::adapter

// For whoever looks at an optimizer's state without saving it, as the monitor does. By the same table of fields as a
// capture (optimizer_family.cpp), so that no tensor of a checkpoint is left unseen.
#include <lastgood/torch/optimizer_tensors.h>

#include <typeinfo>
#include <utility>

#include <c10/util/Type.h>
#include <lastgood/error.h>
#include <lastgood/torch/version.h>

#include "store/torch/optimizer_family.h"

namespace lastgood {
namespace {

using adapter::OptionalTensors, adapter::TensorDeque;

/// One overload for each kind of field; numbers are no tensors.
struct ListField {
  std::vector<OptimizerTensor>& out;
  const at::Tensor& parameter;
  const std::string field;

  template <class Number>
  void operator()(const Number*) const {}
  void operator()(const at::Tensor* tensor) const { add(field, *tensor); }
  void operator()(const TensorDeque* list) const { add_list(*list); }
  void operator()(const OptionalTensors* list) const {
    if (list->has_value()) add_list(**list);
  }

  template <class List>
  void add_list(const List& list) const {
    for (std::size_t i = 0; i < list.size(); ++i) add(field + "." + std::to_string(i), list[i]);
  }
  void add(const std::string& name, const at::Tensor& tensor) const {
    if (tensor.defined()) out.push_back({parameter, name, tensor});
  }
};

}  // namespace

// The live tensors, not copies. A parameter that has made no step yet has none.
std::vector<OptimizerTensor> optimizer_tensors(const torch::optim::Optimizer& optimizer) {
  const adapter::OptimizerFamily* family = adapter::find_family(optimizer);
  if (family == nullptr) {
    const std::string type = c10::demangle(typeid(optimizer).name());
    throw Error(ErrorCode::invalid_argument, type,
                "The state of a " + type +
                    " is not known: its optimizer is none of SGD, Adam, AdamW, RMSprop, Adagrad, LBFGS. Use one of "
                    "them, or look at its tensors by yourself.");
  }
  std::vector<OptimizerTensor> found;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      const auto state = optimizer.state().find(optimizer_state_key(parameter));
      if (state == optimizer.state().end() || state->second == nullptr) continue;
      for (const adapter::StateField& field : family->state(*state->second)) {
        std::visit(ListField{found, parameter, field.name}, field.value);
      }
    }
  }
  return found;
}

}  // namespace lastgood

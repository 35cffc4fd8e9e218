// Names are the user's own: those of named_parameters() and named_buffers(), so that an alarm leads to the module.
#include "monitor/torch/watch_list.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <lastgood/torch/optimizer_tensors.h>

#include "monitor/torch/measurement.h"

namespace lastgood::monitor {
namespace {

using Named = torch::OrderedDict<std::string, at::Tensor>;

/// Calls `visit(name, tensor)`, for tied tensors once.
template <class Visit>
void for_each_once(const Named& named, Visit visit) {
  std::unordered_set<const void*> seen;
  for (const auto& item : named) {
    if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second) {
      visit(item.key(), item.value());
    }
  }
}

void add(std::string name, TensorKind kind, const at::Tensor& tensor, WatchList& list) {
  if (is_measurable(tensor)) list.push_back({std::move(name), kind, tensor});
}

/// None of a tensor that is computed from others: LibTorch keeps none, and would warn.
at::Tensor gradient_of(const at::Tensor& parameter) {
  return parameter.is_leaf() || parameter.retains_grad() ? parameter.grad() : at::Tensor();
}

using ParameterNames = std::unordered_map<const void*, std::string>;

/// The module's names come first; a parameter of the optimizer's alone has its place for a name.
ParameterNames parameter_names(const torch::nn::Module& module, const torch::optim::Optimizer& optimizer) {
  ParameterNames names;
  for (const auto& item : module.named_parameters()) {
    if (item.value().defined()) names.emplace(item.value().unsafeGetTensorImpl(), item.key());
  }
  for (std::size_t g = 0; g < optimizer.param_groups().size(); ++g) {
    const auto& parameters = optimizer.param_groups()[g].params();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      names.emplace(parameters[p].unsafeGetTensorImpl(), "param_groups." + std::to_string(g) + "." + std::to_string(p));
    }
  }
  return names;
}

}  // namespace

void list_parameters(const torch::nn::Module& module, WatchList& list) {
  for_each_once(module.named_parameters(), [&](const std::string& name, const at::Tensor& parameter) {
    add(name, TensorKind::parameter, parameter, list);
  });
}

void list_buffers(const torch::nn::Module& module, WatchList& list) {
  for_each_once(module.named_buffers(), [&](const std::string& name, const at::Tensor& buffer) {
    add(name, TensorKind::buffer, buffer, list);
  });
}

void list_gradients(const torch::nn::Module& module, WatchList& list) {
  for_each_once(module.named_parameters(), [&](const std::string& name, const at::Tensor& parameter) {
    add(name + ".grad", TensorKind::gradient, gradient_of(parameter), list);
  });
}

void list_optimizer_state(const torch::nn::Module& module, const torch::optim::Optimizer& optimizer, WatchList& list) {
  const ParameterNames names = parameter_names(module, optimizer);
  for (const OptimizerTensor& state : optimizer_tensors(optimizer)) {
    add(names.at(state.parameter.unsafeGetTensorImpl()) + "." + state.field, TensorKind::optimizer_state, state.tensor,
        list);
  }
}

}  // namespace lastgood::monitor

// A conversion in two steps: everything is converted beside what is there, which may fail; then it is put in its place,
// which cannot.
#include <functional>
#include <map>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <c10/core/ScalarType.h>
#include <lastgood/error.h>
#include <lastgood/torch/parts.h>

#include "store/torch/optimizer_family.h"
#include "store/torch/training_state.h"
#include "store/torch/translate.h"

namespace lastgood {
namespace {

class Widening {
 public:
  explicit Widening(at::ScalarType precision) : precision_(precision) {}

  /// A tensor that others refer to: it stays the same object.
  void add_shared(const at::Tensor& tensor) {
    if (!is_narrow(tensor)) return;
    commits_.emplace_back([tensor, wide = converted(tensor)] { tensor.set_data(wide); });
  }

  void add_gradient(const at::Tensor& parameter) {
    if (!is_narrow(parameter.grad())) return;
    commits_.emplace_back([parameter, wide = converted(parameter.grad())] { parameter.mutable_grad() = wide; });
  }

  /// `tensor` is the only one that refers to it.
  void add_owned(at::Tensor& tensor) {
    if (is_narrow(tensor)) commits_.emplace_back([&tensor, wide = convert(tensor)] { tensor = wide; });
  }
  void operator()(at::Tensor* tensor) { add_owned(*tensor); }
  void operator()(adapter::TensorDeque* list) {
    for (at::Tensor& tensor : *list) add_owned(tensor);
  }
  void operator()(adapter::OptionalTensors* list) {
    if (!list->has_value()) return;
    for (at::Tensor& tensor : **list) add_owned(tensor);
  }
  template <class Number>
  void operator()(Number*) {}

  bool commit() {
    for (const auto& action : commits_) action();
    return !commits_.empty();
  }

 private:
  /// Whole numbers and booleans stay what they are.
  bool is_narrow(const at::Tensor& tensor) const {
    if (!tensor.defined()) return false;
    const at::ScalarType type = tensor.scalar_type();
    if (!c10::isFloatingType(type) && !c10::isComplexType(type)) return false;
    return c10::elementSize(type) < c10::elementSize(target(type));
  }

  at::ScalarType target(at::ScalarType type) const {
    return c10::isComplexType(type) ? c10::toComplexType(precision_) : precision_;
  }

  at::Tensor convert(const at::Tensor& tensor) const { return tensor.detach().to(target(tensor.scalar_type())); }

  /// One for all tensors that are one in memory.
  at::Tensor converted(const at::Tensor& tensor) {
    if (tensor.numel() == 0) return convert(tensor);
    auto [known, is_new] = done_.try_emplace({tensor.data_ptr(), tensor.sizes().vec(), tensor.strides().vec()});
    if (is_new) known->second = convert(tensor);
    return known->second;
  }

  at::ScalarType precision_;
  std::map<std::tuple<void*, std::vector<std::int64_t>, std::vector<std::int64_t>>, at::Tensor> done_;
  std::vector<std::function<void()>> commits_;
};

void add_module(Widening& widening, const torch::nn::Module& module) {
  for (const at::Tensor& parameter : module.parameters()) {
    widening.add_shared(parameter);
    // After its parameter: a gradient is of the parameter's type.
    if (parameter.defined()) widening.add_gradient(parameter);
  }
  for (const at::Tensor& buffer : module.buffers()) widening.add_shared(buffer);
}

void add_optimizer(Widening& widening, const std::string& name, torch::optim::Optimizer& optimizer) {
  const adapter::OptimizerFamily& family = adapter::family_of(name, optimizer);
  for (auto& [parameter, state] : optimizer.state()) {
    for (const adapter::StateField& field : family.state(*state)) std::visit(widening, field.value);
  }
}

}  // namespace

bool widen(TrainingState& state, at::ScalarType precision) {
  if (precision != at::kFloat && precision != at::kDouble) {
    throw Error(ErrorCode::invalid_argument, "precision",
                "A training state can be widened to float32 or float64, and to nothing else.");
  }
  return adapter::translate("the training state", "widened", [&] {
    const at::NoGradGuard no_grad;
    Widening widening(precision);
    for (const adapter::NamedModule& module : state.impl().modules) add_module(widening, *module.module);
    for (const auto& [name, optimizer] : state.impl().optimizers) add_optimizer(widening, name, *optimizer);
    return widening.commit();
  });
}

}  // namespace lastgood

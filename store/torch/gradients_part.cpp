#include <memory>
#include <utility>

#include "store/torch/capture.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

class GradientsPart : public Part {
 public:
  GradientsPart(std::string name, const std::vector<NamedModule>& modules)
      : name_(std::move(name)), modules_(modules) {}

  // A backward pass changes it: copied at capture.
  void capture(Capture::Impl& out) const override {
    for_each_parameter([&](const std::string& entry, const at::Tensor& parameter) {
      if (parameter.grad().defined()) out.add_tensor(Section::extra, entry, parameter.grad(), true);
    });
  }

  void plan(RestorePlan& plan) override {
    for_each_parameter([&](const std::string& entry, const at::Tensor& parameter) {
      if (plan.selects(Section::extra, entry)) plan_gradient(plan, entry, parameter);
    });
  }

 private:
  /// In the order of the modules, which is that of the entries.
  template <class Visit>
  void for_each_parameter(Visit visit) const {
    // The same names as the optimizers' entries have: of a tied parameter the first.
    ParameterNames left = parameter_names(modules_);
    for (const NamedModule& module : modules_) {
      for (const auto& item : module.module->named_parameters()) {
        // Once for each parameter, however many names it has.
        const auto name = left.find(item.value().unsafeGetTensorImpl());
        if (name == left.end()) continue;
        visit(name_ + "." + name->second, item.value());
        left.erase(name);
      }
    }
  }

  /// The gradient of a restored parameter is a tensor of its own: the live one may be shared with a graph.
  static void plan_gradient(RestorePlan& plan, const std::string& entry, const at::Tensor& parameter) {
    at::Tensor gradient;
    if (plan.has(Section::extra, entry)) {
      gradient = at::empty_like(parameter, parameter.options().requires_grad(false));
      plan.claim_tensor(Section::extra, entry, gradient);
    }
    // Undefined where the checkpoint has none: so a gradient that was not there then goes away.
    plan.commit([parameter, gradient] { parameter.mutable_grad() = gradient; });
  }

  std::string name_;
  const std::vector<NamedModule>& modules_;
};

}  // namespace

ParameterNames parameter_names(const std::vector<NamedModule>& modules) {
  ParameterNames names;
  for (const NamedModule& module : modules) {
    for (const auto& item : module.module->named_parameters()) {
      if (item.value().defined()) names.emplace(item.value().unsafeGetTensorImpl(), module.name + "." + item.key());
    }
  }
  return names;
}

std::unique_ptr<Part> make_gradients_part(std::string name, const std::vector<NamedModule>& modules) {
  return std::make_unique<GradientsPart>(std::move(name), modules);
}

}  // namespace lastgood::adapter

// Parameters and buffers, by the names that LibTorch gives them. A tied tensor is an entry of its own that names its
// owner, so that a restore can tell whether it is tied here as well.
#include <utility>

#include "store/torch/capture.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

class ModulePart : public Part {
 public:
  explicit ModulePart(NamedModule module) : module_(std::move(module)) {}

  void capture(Capture::Impl& out) const override {
    walk([&](const std::string& name, const at::Tensor& tensor, bool is_buffer) {
      out.add_tied(name, tensor, is_buffer);
    });
  }

  void plan(RestorePlan& plan) override {
    walk([&](const std::string& name, const at::Tensor& tensor, bool) { plan.claim_tied(name, tensor); });
  }

 private:
  /// In the module's own order, parameters first: it is that of the entries. What is undefined (a layer's absent bias)
  /// has no entry.
  template <class Visit>
  void walk(Visit visit) const {
    for (const auto& item : module_.module->named_parameters()) {
      if (item.value().defined()) visit(module_.name + "." + item.key(), item.value(), false);
    }
    for (const auto& item : module_.module->named_buffers()) {
      if (item.value().defined()) visit(module_.name + "." + item.key(), item.value(), true);
    }
  }

  NamedModule module_;
};

class TensorPart : public Part {
 public:
  TensorPart(std::string name, at::Tensor tensor) : name_(std::move(name)), tensor_(std::move(tensor)) {}

  // Who changes it, and when, is not known: copied at capture to be sure.
  void capture(Capture::Impl& out) const override { out.add_tensor(Section::extra, name_, tensor_, true); }
  void plan(RestorePlan& plan) override { plan.claim_tensor(Section::extra, name_, tensor_); }

 private:
  std::string name_;
  at::Tensor tensor_;
};

}  // namespace

std::unique_ptr<Part> make_module_part(NamedModule module) {
  return std::make_unique<ModulePart>(std::move(module));
}

std::unique_ptr<Part> make_tensor_part(std::string name, at::Tensor tensor) {
  return std::make_unique<TensorPart>(std::move(name), std::move(tensor));
}

}  // namespace lastgood::adapter

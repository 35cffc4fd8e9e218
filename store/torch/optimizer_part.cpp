#include <unordered_map>
#include <utility>

#include <lastgood/error.h>
#include <lastgood/torch/version.h>

#include "store/torch/capture.h"
#include "store/torch/optimizer_family.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

/// The state that a restore builds beside the live one, and the options.
struct NewState {
  OptimizerStates states;
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> options;
};

class OptimizerPart : public Part {
 public:
  OptimizerPart(std::string name, torch::optim::Optimizer& optimizer, const std::vector<NamedModule>& modules)
      : name_(std::move(name)), optimizer_(optimizer), modules_(modules), family_(family_of(name_, optimizer)) {}

  void capture(Capture::Impl& out) const override;
  void plan(RestorePlan& plan) override;

 private:
  using Names = std::unordered_map<const void*, std::string>;

  Names parameter_names() const;
  std::vector<std::string> names_of(const torch::optim::OptimizerParamGroup& group, const Names& names) const;
  std::string group_entry(std::size_t group) const { return name_ + ".param_groups." + std::to_string(group); }
  std::string state_entry(const std::string& parameter) const { return name_ + ".state." + parameter + "."; }
  void capture_state(Capture::Impl& out, const at::Tensor& parameter, const std::string& name) const;
  void plan_options(RestorePlan& plan, std::size_t group, std::vector<std::string> names, NewState& fresh) const;
  void plan_state(RestorePlan& plan, const at::Tensor& parameter, const std::string& name, NewState& fresh) const;
  void plan_field(RestorePlan& plan, const std::string& entry, const StateField& field,
                  const at::Tensor& parameter) const;

  std::string name_;
  torch::optim::Optimizer& optimizer_;
  const std::vector<NamedModule>& modules_;
  const OptimizerFamily& family_;
};

OptimizerPart::Names OptimizerPart::parameter_names() const {
  Names names;
  for (const NamedModule& module : modules_) {
    for (const auto& item : module.module->named_parameters()) {
      // Of a tied parameter's names the first one counts, as in the model's own entries.
      if (item.value().defined()) {
        names.emplace(item.value().unsafeGetTensorImpl(), module.name + "." + item.key());
      }
    }
  }
  return names;
}

std::vector<std::string> OptimizerPart::names_of(const torch::optim::OptimizerParamGroup& group,
                                                 const Names& names) const {
  std::vector<std::string> found;
  for (const at::Tensor& parameter : group.params()) {
    const auto name = names.find(parameter.unsafeGetTensorImpl());
    if (name == names.end()) {
      throw Error(ErrorCode::invalid_argument, name_,
                  "The optimizer " + name_ + " holds a parameter (number " + std::to_string(found.size()) +
                      " of its group) that is in no registered module. Add its module with add_module().");
    }
    found.push_back(name->second);
  }
  return found;
}

void OptimizerPart::capture(Capture::Impl& out) const {
  const Names names = parameter_names();
  const auto& groups = std::as_const(optimizer_).param_groups();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::vector<std::string> group_names = names_of(groups[g], names);
    out.add_json(Section::optimizer, group_entry(g), options_to_json(family_, groups[g].options(), group_names));
    for (std::size_t p = 0; p < group_names.size(); ++p) capture_state(out, groups[g].params()[p], group_names[p]);
  }
}

void OptimizerPart::capture_state(Capture::Impl& out, const at::Tensor& parameter, const std::string& name) const {
  const auto state = optimizer_.state().find(optimizer_state_key(parameter));
  if (state == optimizer_.state().end()) return;
  for (const StateField& field : family_.state(*state->second)) {
    const std::string entry = state_entry(name) + field.name;
    if (const auto* number = std::get_if<std::int64_t*>(&field.value)) {
      out.add_number(Section::optimizer, entry, **number);
    } else if (const at::Tensor& tensor = *std::get<at::Tensor*>(field.value); tensor.defined() || field.required) {
      out.add_tensor(Section::optimizer, entry, tensor, false);
    }
  }
}

void OptimizerPart::plan(RestorePlan& plan) {
  const auto fresh = std::make_shared<NewState>();
  const Names names = parameter_names();
  auto& groups = optimizer_.param_groups();
  fresh->options.resize(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::vector<std::string> group_names = names_of(groups[g], names);
    for (std::size_t p = 0; p < group_names.size(); ++p) {
      plan_state(plan, groups[g].params()[p], group_names[p], *fresh);
    }
    plan_options(plan, g, group_names, *fresh);
  }
  plan.commit([this, fresh] {
    for (std::size_t g = 0; g < fresh->options.size(); ++g) {
      assign_options(family_, *fresh->options[g], optimizer_.param_groups()[g].options());
    }
    // What the checkpoint has no state for loses the one it has.
    optimizer_.state().swap(fresh->states);
  });
}

void OptimizerPart::plan_options(RestorePlan& plan, std::size_t group, std::vector<std::string> names,
                                 NewState& fresh) const {
  plan.claim_text(Section::optimizer, group_entry(group), DType::json,
                  [this, &plan, &fresh, group, names = std::move(names)](const std::string& text) {
                    try {
                      const auto& options = std::as_const(optimizer_).param_groups()[group].options();
                      fresh.options[group] = options_from_json(family_, options, names, text);
                    } catch (const std::exception& error) {
                      plan.mismatch("optimizer entry " + group_entry(group) + " holds other options: " + error.what());
                    }
                  });
}

void OptimizerPart::plan_state(RestorePlan& plan, const at::Tensor& parameter, const std::string& name,
                               NewState& fresh) const {
  const auto key = optimizer_state_key(parameter);
  const auto live = optimizer_.state().find(key);
  // A clone shares the live tensors, which are then filled in place, and has numbers of its own.
  auto state = live == optimizer_.state().end() ? family_.make_state() : live->second->clone();
  bool saved = false;
  for (const StateField& field : family_.state(*state)) {
    saved = saved || plan.has(Section::optimizer, state_entry(name) + field.name);
  }
  if (!saved) return;
  for (const StateField& field : family_.state(*state))
    plan_field(plan, state_entry(name) + field.name, field, parameter);
  fresh.states[key] = std::move(state);
}

void OptimizerPart::plan_field(RestorePlan& plan, const std::string& entry, const StateField& field,
                               const at::Tensor& parameter) const {
  if (const auto* number = std::get_if<std::int64_t*>(&field.value)) {
    plan.claim_number(Section::optimizer, entry, *number);
    return;
  }
  at::Tensor& tensor = *std::get<at::Tensor*>(field.value);
  if (!field.required && !plan.has(Section::optimizer, entry)) {
    tensor.reset();
    return;
  }
  const bool fits = tensor.defined() && tensor.sizes() == parameter.sizes() && tensor.dtype() == parameter.dtype();
  if (!fits) tensor = at::empty_like(parameter, parameter.options().requires_grad(false));
  plan.claim_tensor(Section::optimizer, entry, tensor);
}

}  // namespace

std::unique_ptr<Part> make_optimizer_part(std::string name, torch::optim::Optimizer& optimizer,
                                          const std::vector<NamedModule>& modules) {
  return std::make_unique<OptimizerPart>(std::move(name), optimizer, modules);
}

}  // namespace lastgood::adapter

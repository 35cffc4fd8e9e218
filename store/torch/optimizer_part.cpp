// State and options are built beside the live ones and swapped in at the end: a step in between, or a failure, sees
// either the old optimizer or the new one. Tensors of the parameter's shape are shared with the live state and filled
// in place, which the store does only when all bytes are known to be right.
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <lastgood/error.h>
#include <lastgood/torch/version.h>

#include "store/torch/capture.h"
#include "store/torch/optimizer_family.h"
#include "store/torch/optimizer_state.h"
#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood::adapter {
namespace {

/// What a restore builds beside the live state: state and options, and the groups as the checkpoint has them.
struct NewState {
  OptimizerStates states;
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> options;
  std::vector<std::vector<std::string>> live_groups;
  std::vector<std::vector<std::string>> saved_groups;
  bool knows_all_groups = true;  // of those that the checkpoint has
  bool starts_anew = false;
};

using GroupOf = std::map<std::string, std::size_t>;

GroupOf group_of(const std::vector<std::vector<std::string>>& groups) {
  GroupOf found;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const std::string& parameter : groups[g]) found.emplace(parameter, g);
  }
  return found;
}

std::string group_name(std::size_t group) {
  return "group " + std::to_string(group);
}

class OptimizerPart : public Part {
 public:
  OptimizerPart(std::string name, torch::optim::Optimizer& optimizer, const std::vector<NamedModule>& modules)
      : name_(std::move(name)), optimizer_(optimizer), modules_(modules), family_(family_of(name_, optimizer)) {}

  void capture(Capture::Impl& out) const override;
  void plan(RestorePlan& plan) override;

 private:
  /// Names in section model, in the group's order. Throws Error(invalid_argument) for a parameter of no module.
  std::vector<std::string> names_of(const torch::optim::OptimizerParamGroup& group, const ParameterNames& names) const;
  std::string group_entry(std::size_t group) const { return name_ + ".param_groups." + std::to_string(group); }
  std::string state_entry(const std::string& parameter) const { return name_ + ".state." + parameter; }
  const torch::optim::OptimizerParamGroup& group(std::size_t g) const {
    return std::as_const(optimizer_).param_groups()[g];
  }
  /// Each parameter's state: from the checkpoint, kept, as before the first step, or none.
  void plan_states(RestorePlan& plan, NewState& fresh) const;
  void plan_state(RestorePlan& plan, const at::Tensor& parameter, const std::string& entry, NewState& fresh) const;
  void keep_state(const at::Tensor& parameter, NewState& fresh) const;
  /// What is left of this optimizer's entries, so that nobody else finds it unexpected.
  void claim_removed(RestorePlan& plan, const NewState& fresh) const;
  /// The group's options and parameters, read in step 2 of the plan. Also of groups that are not here.
  void plan_group(RestorePlan& plan, std::size_t g, NewState& fresh) const;
  void read_group(RestorePlan& plan, std::size_t g, const std::string& text, NewState& fresh) const;
  void compare_groups(RestorePlan& plan, NewState& fresh) const;
  void compare_order(RestorePlan& plan, const NewState& fresh) const;
  /// Step 5 of the plan: options by assignment, states by a swap.
  void commit(NewState& fresh);

  std::string name_;
  torch::optim::Optimizer& optimizer_;
  const std::vector<NamedModule>& modules_;
  const OptimizerFamily& family_;
};

std::vector<std::string> OptimizerPart::names_of(const torch::optim::OptimizerParamGroup& group,
                                                 const ParameterNames& names) const {
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
  const ParameterNames names = parameter_names(modules_);
  for (std::size_t g = 0; g < std::as_const(optimizer_).param_groups().size(); ++g) {
    const std::vector<std::string> group_names = names_of(group(g), names);
    out.add_json(Section::optimizer, group_entry(g), options_to_json(family_, group(g).options(), group_names));
    for (std::size_t p = 0; p < group_names.size(); ++p) {
      const auto state = optimizer_.state().find(optimizer_state_key(group(g).params()[p]));
      if (state == optimizer_.state().end()) continue;
      capture_state(out, state_entry(group_names[p]), family_.state(*state->second));
    }
  }
}

void OptimizerPart::plan(RestorePlan& plan) {
  const auto fresh = std::make_shared<NewState>();
  const ParameterNames names = parameter_names(modules_);
  const std::size_t groups = std::as_const(optimizer_).param_groups().size();
  fresh->options.resize(groups);
  for (std::size_t g = 0; g < groups; ++g) fresh->live_groups.push_back(names_of(group(g), names));
  plan_states(plan, *fresh);
  for (std::size_t g = 0; g < groups || plan.has(Section::optimizer, group_entry(g)); ++g) plan_group(plan, g, *fresh);
  if (fresh->knows_all_groups) claim_removed(plan, *fresh);
  plan.check([this, &plan, fresh] { compare_groups(plan, *fresh); });
  plan.commit([this, fresh] { commit(*fresh); });
}

void OptimizerPart::plan_states(RestorePlan& plan, NewState& fresh) const {
  // A restore that selects the state without the groups leaves alone what it does not find.
  const bool knows_groups = plan.has(Section::optimizer, group_entry(0));
  for (std::size_t g = 0; g < fresh.live_groups.size(); ++g) {
    for (std::size_t p = 0; p < fresh.live_groups[g].size(); ++p) {
      const at::Tensor& parameter = group(g).params()[p];
      const std::string entry = state_entry(fresh.live_groups[g][p]);
      const auto blank = family_.make_state();
      const std::vector<StateField> fields = family_.state(*blank);
      if (has_state(plan, entry, fields)) {
        plan_state(plan, parameter, entry, fresh);
      } else if (!knows_groups || !selects_state(plan, entry, fields)) {
        keep_state(parameter, fresh);
      } else if (family_.first_state != nullptr) {
        fresh.states[optimizer_state_key(parameter)] = family_.first_state(parameter, optimizer_.defaults());
      }
    }
  }
}

void OptimizerPart::plan_state(RestorePlan& plan, const at::Tensor& parameter, const std::string& entry,
                               NewState& fresh) const {
  const auto key = optimizer_state_key(parameter);
  const auto live = optimizer_.state().find(key);
  // A clone shares the live tensors, which are then filled in place, and has numbers of its own.
  auto state = live == optimizer_.state().end() ? family_.make_state() : live->second->clone();
  adapter::plan_state(plan, entry, family_.state(*state), parameter);
  fresh.states[key] = std::move(state);
}

/// A place for the live state, which moves there in the commit.
void OptimizerPart::keep_state(const at::Tensor& parameter, NewState& fresh) const {
  const auto key = optimizer_state_key(parameter);
  if (optimizer_.state().find(key) != optimizer_.state().end()) fresh.states[key] = nullptr;
}

/// State of parameters that the optimizer does not hold: compare_groups() names those, one by one.
void OptimizerPart::claim_removed(RestorePlan& plan, const NewState& fresh) const {
  const std::string prefix = name_ + ".state.";
  const GroupOf live = group_of(fresh.live_groups);
  for (const std::string& entry : plan.claim_rest(Section::optimizer, prefix)) {
    bool is_live = false;
    for (std::size_t dot = entry.find('.', prefix.size()); dot != std::string::npos; dot = entry.find('.', dot + 1)) {
      is_live = is_live || live.contains(entry.substr(prefix.size(), dot - prefix.size()));
    }
    if (is_live) plan.unexpected(entry, "optimizer entry " + entry + " is in the checkpoint and not here");
  }
}

void OptimizerPart::plan_group(RestorePlan& plan, std::size_t g, NewState& fresh) const {
  fresh.knows_all_groups = fresh.knows_all_groups && plan.selects(Section::optimizer, group_entry(g));
  plan.claim_text(Section::optimizer, group_entry(g), DType::json,
                  [this, &plan, &fresh, g](const std::string& text) { read_group(plan, g, text, fresh); });
}

void OptimizerPart::read_group(RestorePlan& plan, std::size_t g, const std::string& text, NewState& fresh) const {
  const bool is_here = g < fresh.options.size();
  try {
    SavedGroup saved = group_from_json(family_, is_here ? group(g).options() : optimizer_.defaults(), text);
    for (std::string& parameter : saved.parameters) parameter = plan.renamed(parameter);
    fresh.saved_groups.resize(std::max(fresh.saved_groups.size(), g + 1));
    fresh.saved_groups[g] = std::move(saved.parameters);
    if (is_here) {
      fresh.options[g] = std::move(saved.options);
    } else {
      plan.unexpected(group_entry(g), "optimizer entry " + group_entry(g) + " is in the checkpoint and not here");
    }
  } catch (const std::exception& error) {
    fresh.knows_all_groups = false;
    plan.mismatch("optimizer entry " + group_entry(g) + " holds other options: " + error.what());
  }
}

/// Parameters that came, went or moved since the save, by name.
void OptimizerPart::compare_groups(RestorePlan& plan, NewState& fresh) const {
  if (!fresh.knows_all_groups || fresh.saved_groups.empty()) return;
  const GroupOf saved = group_of(fresh.saved_groups);
  const GroupOf live = group_of(fresh.live_groups);
  for (const auto& [name, g] : saved) {
    if (live.contains(name)) continue;
    plan.unexpected(state_entry(name), "parameter " + name + " was in " + group_name(g) + " of optimizer " + name_ +
                                           " when it was saved, and is not now");
  }
  for (const auto& [name, g] : live) {
    const std::string here = "parameter " + name + " is in " + group_name(g) + " of optimizer " + name_;
    const auto before = saved.find(name);
    if (before == saved.end()) {
      plan.missing(state_entry(name), here + ", and was not when it was saved");
    } else if (before->second != g && plan.is_strict()) {
      plan.mismatch(here + ", and was in " + group_name(before->second) + " when it was saved");
    }
  }
  if (saved == live) compare_order(plan, fresh);
  fresh.starts_anew = family_.is_joint && fresh.saved_groups != fresh.live_groups;
}

void OptimizerPart::compare_order(RestorePlan& plan, const NewState& fresh) const {
  for (std::size_t g = 0; g < fresh.live_groups.size() && plan.is_strict(); ++g) {
    if (g >= fresh.saved_groups.size() || fresh.saved_groups[g] == fresh.live_groups[g]) continue;
    plan.mismatch(group_name(g) + " of optimizer " + name_ +
                  " holds its parameters in another order than when it was saved");
  }
}

void OptimizerPart::commit(NewState& fresh) {
  for (std::size_t g = 0; g < fresh.options.size(); ++g) {
    if (fresh.options[g] == nullptr) continue;
    assign_options(family_, *fresh.options[g], optimizer_.param_groups()[g].options());
  }
  // Not earlier: what is loaded goes into it.
  if (fresh.starts_anew) fresh.states.clear();
  for (auto& [key, state] : fresh.states) {
    if (state == nullptr) state = std::move(optimizer_.state().find(key)->second);
  }
  // A swap cannot fail.
  // What the checkpoint has no state for loses the one it has.
  optimizer_.state().swap(fresh.states);
}

}  // namespace

std::unique_ptr<Part> make_optimizer_part(std::string name, torch::optim::Optimizer& optimizer,
                                          const std::vector<NamedModule>& modules) {
  return std::make_unique<OptimizerPart>(std::move(name), optimizer, modules);
}

}  // namespace lastgood::adapter

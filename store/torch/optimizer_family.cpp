// Names and their order are part of what a checkpoint says: they are LibTorch's own, as its archives spell them. A
// field that is added here is one that older checkpoints lack.
#include "store/torch/optimizer_family.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <typeinfo>

#include <lastgood/error.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>
#include <nlohmann/json.hpp>

namespace lastgood::adapter {
namespace {

using nlohmann::json;

template <class Options>
std::vector<OptionField> adam_options(torch::optim::OptimizerOptions& base) {
  auto& options = static_cast<Options&>(base);
  return {{"lr", &options.lr()},
          {"betas", &options.betas()},
          {"eps", &options.eps()},
          {"weight_decay", &options.weight_decay()},
          {"amsgrad", &options.amsgrad()}};
}

/// max_exp_avg_sq is there with amsgrad alone.
template <class State>
std::vector<StateField> adam_state(torch::optim::OptimizerParamState& base) {
  auto& state = static_cast<State&>(base);
  return {{"step", &state.step()},
          {"exp_avg", &state.exp_avg()},
          {"exp_avg_sq", &state.exp_avg_sq()},
          {"max_exp_avg_sq", &state.max_exp_avg_sq(), false}};
}

std::vector<OptionField> sgd_options(torch::optim::OptimizerOptions& base) {
  auto& options = static_cast<torch::optim::SGDOptions&>(base);
  return {{"lr", &options.lr()},
          {"momentum", &options.momentum()},
          {"dampening", &options.dampening()},
          {"weight_decay", &options.weight_decay()},
          {"nesterov", &options.nesterov()}};
}

/// LibTorch makes a state only with momentum, at the first step.
std::vector<StateField> sgd_state(torch::optim::OptimizerParamState& base) {
  return {{"momentum_buffer", &static_cast<torch::optim::SGDParamState&>(base).momentum_buffer()}};
}

std::vector<OptionField> rmsprop_options(torch::optim::OptimizerOptions& base) {
  auto& options = static_cast<torch::optim::RMSpropOptions&>(base);
  return {{"lr", &options.lr()},
          {"alpha", &options.alpha()},
          {"eps", &options.eps()},
          {"weight_decay", &options.weight_decay()},
          {"momentum", &options.momentum()},
          {"centered", &options.centered()}};
}

/// The buffers are there with momentum, or when centered.
std::vector<StateField> rmsprop_state(torch::optim::OptimizerParamState& base) {
  auto& state = static_cast<torch::optim::RMSpropParamState&>(base);
  return {{"step", &state.step()},
          {"square_avg", &state.square_avg()},
          {"momentum_buffer", &state.momentum_buffer(), false},
          {"grad_avg", &state.grad_avg(), false}};
}

std::vector<OptionField> adagrad_options(torch::optim::OptimizerOptions& base) {
  auto& options = static_cast<torch::optim::AdagradOptions&>(base);
  return {{"lr", &options.lr()},
          {"lr_decay", &options.lr_decay()},
          {"weight_decay", &options.weight_decay()},
          {"initial_accumulator_value", &options.initial_accumulator_value()},
          {"eps", &options.eps()}};
}

std::vector<StateField> adagrad_state(torch::optim::OptimizerParamState& base) {
  auto& state = static_cast<torch::optim::AdagradParamState&>(base);
  return {{"step", &state.step()}, {"sum", &state.sum()}};
}

/// What LibTorch's constructor gives each parameter; a step without it is an internal error of LibTorch's.
std::unique_ptr<torch::optim::OptimizerParamState> first_adagrad_state(const at::Tensor& parameter,
                                                                       const torch::optim::OptimizerOptions& base) {
  const auto& defaults = static_cast<const torch::optim::AdagradOptions&>(base);
  auto state = std::make_unique<torch::optim::AdagradParamState>();
  state->step(0);
  state->sum(at::full_like(parameter.detach(), defaults.initial_accumulator_value(),
                           at::TensorOptions().requires_grad(false), at::MemoryFormat::Preserve));
  return state;
}

std::vector<OptionField> lbfgs_options(torch::optim::OptimizerOptions& base) {
  auto& options = static_cast<torch::optim::LBFGSOptions&>(base);
  return {{"lr", &options.lr()},
          {"max_iter", &options.max_iter()},
          {"max_eval", &options.max_eval()},
          {"tolerance_grad", &options.tolerance_grad()},
          {"tolerance_change", &options.tolerance_change()},
          {"history_size", &options.history_size()},
          {"line_search_fn", &options.line_search_fn()}};
}

/// Tensors over all parameters, laid end to end, and scalars.
std::vector<StateField> lbfgs_state(torch::optim::OptimizerParamState& base) {
  auto& state = static_cast<torch::optim::LBFGSParamState&>(base);
  constexpr FieldShape kOwn = FieldShape::of_its_own;
  return {{"func_evals", &state.func_evals()},
          {"n_iter", &state.n_iter()},
          {"t", &state.t()},
          {"prev_loss", &state.prev_loss()},
          {"d", &state.d(), false, kOwn},
          {"H_diag", &state.H_diag(), false, kOwn},
          {"prev_flat_grad", &state.prev_flat_grad(), false, kOwn},
          {"old_dirs", &state.old_dirs(), true, kOwn},
          {"old_stps", &state.old_stps(), true, kOwn},
          {"ro", &state.ro(), true, kOwn},
          {"al", &state.al(), false, kOwn}};
}

/// Exactly that class: one derived from it may hold more than is known here.
template <class Options>
bool owns(const torch::optim::OptimizerOptions& options) {
  return typeid(options) == typeid(Options);
}

template <class State>
std::unique_ptr<torch::optim::OptimizerParamState> make_state() {
  return std::make_unique<State>();
}

using torch::optim::AdagradOptions, torch::optim::AdagradParamState;
using torch::optim::AdamOptions, torch::optim::AdamParamState;
using torch::optim::AdamWOptions, torch::optim::AdamWParamState;
using torch::optim::LBFGSOptions, torch::optim::LBFGSParamState;
using torch::optim::RMSpropOptions, torch::optim::RMSpropParamState;
using torch::optim::SGDOptions, torch::optim::SGDParamState;

constexpr OptimizerFamily kFamilies[] = {
    {"SGD", owns<SGDOptions>, sgd_options, sgd_state, make_state<SGDParamState>},
    {"Adam", owns<AdamOptions>, adam_options<AdamOptions>, adam_state<AdamParamState>, make_state<AdamParamState>},
    {"AdamW", owns<AdamWOptions>, adam_options<AdamWOptions>, adam_state<AdamWParamState>, make_state<AdamWParamState>},
    {"RMSprop", owns<RMSpropOptions>, rmsprop_options, rmsprop_state, make_state<RMSpropParamState>},
    {"Adagrad", owns<AdagradOptions>, adagrad_options, adagrad_state, make_state<AdagradParamState>,
     first_adagrad_state},
    {"LBFGS", owns<LBFGSOptions>, lbfgs_options, lbfgs_state, make_state<LBFGSParamState>, nullptr, true},
};

/// JSON has no word for a number that is not finite.
json to_json(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

double to_double(const json& value) {
  if (value.is_number()) return value.get<double>();
  const auto text = value.get<std::string>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  throw std::invalid_argument("\"" + text + "\" is not a number");
}

struct ToJson {
  json operator()(const double* value) const { return to_json(*value); }
  template <class Plain>
  json operator()(const Plain* value) const {
    return *value;
  }
  template <class Value>
  json operator()(const Optional<Value>* value) const {
    return value->has_value() ? json(**value) : json();
  }
  json operator()(const std::tuple<double, double>* value) const {
    return json::array({to_json(std::get<0>(*value)), to_json(std::get<1>(*value))});
  }
};

struct FromJson {
  const json& from;
  void operator()(double* value) const { *value = to_double(from); }
  template <class Plain>
  void operator()(Plain* value) const {
    *value = from.get<Plain>();
  }
  template <class Value>
  void operator()(Optional<Value>* value) const {
    value->reset();
    if (!from.is_null()) *value = from.get<Value>();
  }
  void operator()(std::tuple<double, double>* value) const { *value = {to_double(from.at(0)), to_double(from.at(1))}; }
};

}  // namespace

/// By the options' class, which tells the optimizer's own: of every group, and of the defaults.
const OptimizerFamily* find_family(const torch::optim::Optimizer& optimizer) {
  for (const OptimizerFamily& family : kFamilies) {
    bool owns_all = true;
    for (const auto& group : optimizer.param_groups()) owns_all = owns_all && family.owns(group.options());
    if (owns_all && family.owns(optimizer.defaults())) return &family;
  }
  return nullptr;
}

const OptimizerFamily& family_of(const std::string& name, const torch::optim::Optimizer& optimizer) {
  if (const OptimizerFamily* family = find_family(optimizer)) return *family;
  throw Error(
      ErrorCode::invalid_argument, name,
      "The optimizer " + name +
          " is none of those that can be kept: SGD, Adam, AdamW, RMSprop, Adagrad, LBFGS. Use one of them, or keep "
          "its state with add_json() and add_tensor().");
}

std::string options_to_json(const OptimizerFamily& family, const torch::optim::OptimizerOptions& options,
                            const std::vector<std::string>& parameters) {
  json object{{"type", family.name}, {"params", parameters}};
  // The fields' accessors want options that may be written to: a copy gives them without a cast.
  const auto copy = options.clone();
  for (const OptionField& field : family.options(*copy)) object[field.name] = std::visit(ToJson{}, field.value);
  return object.dump();
}

SavedGroup group_from_json(const OptimizerFamily& family, const torch::optim::OptimizerOptions& options,
                           const std::string& text) {
  const json object = json::parse(text);
  if (const auto type = object.at("type").get<std::string>(); type != family.name) {
    throw std::invalid_argument("they are of " + type + " in the checkpoint and of " + family.name + " here");
  }
  SavedGroup group{object.at("params").get<std::vector<std::string>>(), options.clone()};
  for (const OptionField& field : family.options(*group.options)) {
    std::visit(FromJson{object.at(field.name)}, field.value);
  }
  return group;
}

/// No allocation that could fail but for a text of a few characters (LBFGS' line search).
void assign_options(const OptimizerFamily& family, torch::optim::OptimizerOptions& from,
                    torch::optim::OptimizerOptions& to) noexcept {
  const auto source = family.options(from);
  const auto target = family.options(to);
  for (std::size_t i = 0; i < source.size(); ++i) {
    // Both lists are of one family, so the i-th fields have one type.
    std::visit([&](auto* value) { *value = *std::get<decltype(value)>(source[i].value); }, target[i].value);
  }
}

}  // namespace lastgood::adapter

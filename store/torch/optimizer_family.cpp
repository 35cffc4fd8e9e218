#include "store/torch/optimizer_family.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <typeinfo>

#include <lastgood/error.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
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

std::vector<StateField> sgd_state(torch::optim::OptimizerParamState& base) {
  return {{"momentum_buffer", &static_cast<torch::optim::SGDParamState&>(base).momentum_buffer()}};
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

using torch::optim::AdamOptions, torch::optim::AdamParamState;
using torch::optim::AdamWOptions, torch::optim::AdamWParamState;
using torch::optim::SGDOptions, torch::optim::SGDParamState;

constexpr OptimizerFamily kFamilies[] = {
    {"SGD", owns<SGDOptions>, sgd_options, sgd_state, make_state<SGDParamState>},
    {"Adam", owns<AdamOptions>, adam_options<AdamOptions>, adam_state<AdamParamState>, make_state<AdamParamState>},
    {"AdamW", owns<AdamWOptions>, adam_options<AdamWOptions>, adam_state<AdamWParamState>, make_state<AdamWParamState>},
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
  json operator()(const bool* value) const { return *value; }
  json operator()(const std::tuple<double, double>* value) const {
    return json::array({to_json(std::get<0>(*value)), to_json(std::get<1>(*value))});
  }
};

struct FromJson {
  const json& from;
  void operator()(double* value) const { *value = to_double(from); }
  void operator()(bool* value) const { *value = from.get<bool>(); }
  void operator()(std::tuple<double, double>* value) const { *value = {to_double(from.at(0)), to_double(from.at(1))}; }
};

}  // namespace

const OptimizerFamily& family_of(const std::string& name, const torch::optim::Optimizer& optimizer) {
  for (const OptimizerFamily& family : kFamilies) {
    bool owns_all = true;
    for (const auto& group : optimizer.param_groups()) owns_all = owns_all && family.owns(group.options());
    if (owns_all && family.owns(optimizer.defaults())) return family;
  }
  throw Error(ErrorCode::invalid_argument, name,
              "The optimizer " + name +
                  " is none of those that can be kept: SGD, Adam, AdamW. Use one of them, or keep "
                  "its state with add_json() and add_tensor().");
}

std::string options_to_json(const OptimizerFamily& family, const torch::optim::OptimizerOptions& options,
                            const std::vector<std::string>& parameters) {
  json object{{"type", family.name}, {"params", parameters}};
  const auto copy = options.clone();
  for (const OptionField& field : family.options(*copy)) object[field.name] = std::visit(ToJson{}, field.value);
  return object.dump();
}

std::unique_ptr<torch::optim::OptimizerOptions> options_from_json(const OptimizerFamily& family,
                                                                  const torch::optim::OptimizerOptions& options,
                                                                  const std::vector<std::string>& parameters,
                                                                  const std::string& text) {
  const json object = json::parse(text);
  if (const auto type = object.at("type").get<std::string>(); type != family.name) {
    throw std::invalid_argument("they are of " + type + " in the checkpoint and of " + family.name + " here");
  }
  if (object.at("params") != json(parameters)) {
    throw std::invalid_argument("the group holds other parameters in the checkpoint than here");
  }
  auto copy = options.clone();
  for (const OptionField& field : family.options(*copy)) std::visit(FromJson{object.at(field.name)}, field.value);
  return copy;
}

void assign_options(const OptimizerFamily& family, torch::optim::OptimizerOptions& from,
                    torch::optim::OptimizerOptions& to) noexcept {
  const auto source = family.options(from);
  const auto target = family.options(to);
  for (std::size_t i = 0; i < source.size(); ++i) {
    std::visit([&](auto* value) { *value = *std::get<decltype(value)>(source[i].value); }, target[i].value);
  }
}

}  // namespace lastgood::adapter

#include <memory>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "tests/monitor_torch/training.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Names = std::vector<std::string>;

namespace {

template <class Optimizer>
std::set<std::string> fields_after_steps(Optimizer& optimizer, const torch::Tensor& parameter) {
  const auto closure = [&] {
    optimizer.zero_grad();
    torch::Tensor loss = (parameter - 3).pow(4).sum();
    loss.backward();
    return loss;
  };
  for (int i = 0; i < 3; ++i) optimizer.step(closure);
  std::set<std::string> fields;
  for (const OptimizerTensor& state : optimizer_tensors(optimizer)) {
    CHECK(state.parameter.is_same(parameter));
    CHECK(state.tensor.defined());
    fields.insert(state.field);
  }
  return fields;
}

/// An optimizer of a user's, whose state nobody knows.
struct PlainOptions : torch::optim::OptimizerCloneableOptions<PlainOptions> {
  double get_lr() const override { return 0.25; }
  void set_lr(const double) override {}
};
struct Plain : torch::optim::Optimizer {
  explicit Plain(std::vector<torch::Tensor> parameters)
      : Optimizer({torch::optim::OptimizerParamGroup(std::move(parameters))}, std::make_unique<PlainOptions>()) {}
  torch::Tensor step(LossClosure) override { return {}; }
};

}  // namespace

TEST_CASE("The tensors of each optimizer's state are found by their fields") {
  using Fields = std::set<std::string>;
  namespace optim = torch::optim;
  const torch::Tensor parameter = torch::ones({3}, torch::requires_grad());
  const std::vector<torch::Tensor> parameters = {parameter};
  optim::SGD sgd(parameters, optim::SGDOptions(1e-3).momentum(0.9));
  CHECK(fields_after_steps(sgd, parameter) == Fields{"momentum_buffer"});
  optim::SGD plain(parameters, 1e-3);
  CHECK(fields_after_steps(plain, parameter).empty());
  optim::Adam adam(parameters, optim::AdamOptions(1e-3).amsgrad(true));
  CHECK(fields_after_steps(adam, parameter) == Fields{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"});
  optim::AdamW adamw(parameters);
  CHECK(fields_after_steps(adamw, parameter) == Fields{"exp_avg", "exp_avg_sq"});
  optim::RMSprop rmsprop(parameters, optim::RMSpropOptions(1e-3).momentum(0.9).centered(true));
  CHECK(fields_after_steps(rmsprop, parameter) == Fields{"square_avg", "momentum_buffer", "grad_avg"});
  optim::Adagrad adagrad(parameters);
  CHECK(fields_after_steps(adagrad, parameter) == Fields{"sum"});
  optim::LBFGS lbfgs(parameters, optim::LBFGSOptions(1e-2).max_iter(2));
  const Fields joint = fields_after_steps(lbfgs, parameter);
  for (const char* field : {"d", "prev_flat_grad", "old_dirs.0", "old_stps.0", "ro.0"}) CHECK(joint.count(field) == 1);
}

TEST_CASE("State that went bad in a list of LBFGS is named") {
  torch::nn::Linear model(3, 1);
  torch::optim::LBFGS optimizer(model->parameters(), torch::optim::LBFGSOptions(1e-2).max_iter(2));
  const torch::Tensor inputs = torch::ones({4, 3});
  torch::Tensor loss;
  for (int i = 0; i < 3; ++i) {
    optimizer.step([&] {
      optimizer.zero_grad();
      loss = (model(inputs) - 3).square().sum();
      loss.backward();
      return loss;
    });
  }
  for (const auto& state : optimizer_tensors(optimizer)) {
    if (state.field == "old_dirs.0") poke(state.tensor, kInf);
  }
  StabilityMonitor monitor;
  const StepMetrics metrics = monitor.check_step(model, loss, optimizer, 0);
  CHECK(metrics.inf_tensors == Names{"weight.old_dirs.0"});
}

TEST_CASE("Several optimizers are scanned, and a parameter of none of the model's is named by its place") {
  Training training;
  const torch::Tensor extra = torch::ones({4}, torch::requires_grad());
  extra.mutable_grad() = torch::ones({4});
  torch::optim::SGD second({extra}, torch::optim::SGDOptions(0.1).momentum(0.9));
  training.step();
  second.step();
  StabilityMonitor monitor;
  const auto check = [&](Step step) {
    return monitor.check_step(training.model, training.loss, {training.optimizer, second}, step, {.scan = true});
  };
  CHECK(check(0).overall_health == Health::healthy);
  poke(optimizer_tensors(second)[0].tensor, kNaN);
  CHECK(check(1).nan_tensors == Names{"param_groups.0.0.momentum_buffer"});
  poke(optimizer_tensors(training.optimizer)[0].tensor, kNaN);
  CHECK(check(2).nan_tensors == Names{"decoder.exp_avg", "param_groups.0.0.momentum_buffer"});
}

TEST_CASE("An optimizer whose state is not known is refused by name, and its steps can be checked without") {
  Training training;
  Plain optimizer(training.model->parameters());
  StabilityMonitor monitor;
  training.backward();
  const Error error = thrown_by([&] { monitor.check_step(training.model, training.loss, optimizer, 0); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK_THAT(error.subject(), Catch::Contains("Plain"));
  monitor.watch_activation("state", torch::full({2}, kNaN));
  CHECK(monitor.check_step(training.model, training.loss, {}, 0).nan_tensors == Names{"state"});
}

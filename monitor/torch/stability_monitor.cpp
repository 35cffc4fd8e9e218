// A check, step by step:
//
// 1. List the tensors to look at: the gradients, or all of them where a scan is due or asked for.
// 2. Measure them and the loss together.
// 3. Where that shows something that is not finite and was no scan, scan now: a verdict names the tensors.
// 4. Measure the matrices that are watched, beside each scan, and let the monitor judge.
#include <lastgood/torch/stability_monitor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <lastgood/error.h>

#include "monitor/torch/masks.h"
#include "monitor/torch/measurement.h"
#include "monitor/torch/numerics.h"
#include "monitor/torch/watch_list.h"

namespace lastgood {
namespace {

using monitor::Measurement, monitor::Tally, monitor::WatchList;
using Optimizers = std::vector<const torch::optim::Optimizer*>;

/// Runs `body` without recording gradients; what LibTorch throws becomes an Error here, and nowhere else.
template <class Body>
auto measured(const std::string& subject, Body body) {
  const at::NoGradGuard no_grad;
  try {
    return body();
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::io, subject,
                "LibTorch failed while " + subject + " was being measured: " + error.what_without_backtrace());
  }
}

void require_scalar(const at::Tensor& loss) {
  if (loss.numel() == 1 && !loss.is_complex()) return;
  throw Error(ErrorCode::invalid_argument, "loss",
              "the loss has " + std::to_string(loss.numel()) + (loss.is_complex() ? " complex" : "") +
                  " elements; give the monitor the one real number that is minimised");
}

struct Findings {
  std::vector<Tally> tallies;  // in the order of the list
  std::optional<double> loss;
  std::optional<double> gradient_norm;
};

Findings look_at(const WatchList& list, const at::Tensor& loss = {}) {
  Measurement measurement;
  for (const auto& watched : list) measurement.add(watched.tensor);
  if (loss.defined()) {
    require_scalar(loss);
    measurement.add_scalar(loss);
  }
  measurement.run();
  Findings findings;
  Tally gradients;
  bool has_gradients = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    findings.tallies.push_back(measurement.tally(i));
    if (list[i].kind != TensorKind::gradient) continue;
    has_gradients = true;
    gradients += findings.tallies.back();
  }
  if (has_gradients) findings.gradient_norm = gradients.norm();
  if (loss.defined()) findings.loss = measurement.scalar(0);
  return findings;
}

TensorScan scan_of(WatchList list, const Findings& findings) {
  TensorScan scan;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Tally& tally = findings.tallies[i];
    scan.tensors.push_back({std::move(list[i].name), list[i].kind, tally.nan, tally.inf, tally.norm()});
  }
  return scan;
}

std::optional<double> learning_rate_of(const Optimizers& optimizers) {
  if (optimizers.empty() || optimizers[0]->param_groups().empty()) return {};
  return optimizers[0]->param_groups()[0].options().get_lr();
}

bool is_finite(const std::optional<double>& value) {
  return !value || std::isfinite(*value);
}

}  // namespace

struct StabilityMonitor::Watch {
  WatchList everything(const torch::nn::Module& module, const Optimizers& optimizers);
  StepObservation look(const torch::nn::Module& module, const at::Tensor& loss, const Optimizers& optimizers, Step step,
                       const StepCheck& check, bool due);
  std::optional<NumericalStability> numerics(const torch::nn::Module& module) const;
  void add_matrix(const std::string& name, std::function<at::Tensor()> matrix);

  struct Matrix {
    std::string name;
    std::function<at::Tensor()> get;
  };
  struct Before {
    Step step;
    bool scanned;
  };
  WatchList activations;
  monitor::Masks masks;
  std::vector<Matrix> matrices;
  bool weights = false;
  std::optional<Before> before;  // the newest check, if it stood before the optimizer's step
};

/// In the order in which a step uses them. Views, not copies: valid until the next step of the training.
WatchList StabilityMonitor::Watch::everything(const torch::nn::Module& module, const Optimizers& optimizers) {
  WatchList list;
  monitor::list_parameters(module, list);
  monitor::list_buffers(module, list);
  std::erase_if(list, [&](const auto& watched) {
    return watched.kind == TensorKind::buffer && masks.is_unchanged_mask(watched.name, watched.tensor);
  });
  list.insert(list.end(), activations.begin(), activations.end());
  monitor::list_gradients(module, list);
  for (const auto* optimizer : optimizers) monitor::list_optimizer_state(module, *optimizer, list);
  return list;
}

StepObservation StabilityMonitor::Watch::look(const torch::nn::Module& module, const at::Tensor& loss,
                                              const Optimizers& optimizers, Step step, const StepCheck& check,
                                              bool due) {
  StepObservation seen{.step = step, .loss_scale_overflow = check.loss_scale_overflow, .phase = check.phase};
  seen.learning_rate = learning_rate_of(optimizers);
  const bool completes = check.phase == StepPhase::after_optimizer && before && before->step == step;
  bool scans = due || check.scan || (completes && before->scanned);
  WatchList list;
  if (scans) {
    list = everything(module, optimizers);
    // The optimizer changed none of these since they were looked at.
    if (completes && before->scanned) {
      std::erase_if(list, [](const auto& watched) { return watched.kind == TensorKind::gradient; });
    }
  } else if (!completes && !check.gradient_norm) {
    monitor::list_gradients(module, list);
  }
  Findings findings = look_at(list, completes ? at::Tensor() : loss);
  if (!completes) {
    seen.loss = findings.loss;
    seen.gradient_norm = check.gradient_norm ? check.gradient_norm : findings.gradient_norm;
  }
  const bool norm_matters = !check.loss_scale_overflow;
  if (!scans && (!is_finite(seen.loss) || (norm_matters && !is_finite(seen.gradient_norm)))) {
    scans = true;
    list = everything(module, optimizers);
    findings = look_at(list);
  }
  if (scans) {
    seen.scan = scan_of(std::move(list), findings);
    seen.stability = numerics(module);
  }
  activations.clear();
  before.reset();
  if (check.phase == StepPhase::before_optimizer) before = Before{step, scans};
  return seen;
}

std::optional<NumericalStability> StabilityMonitor::Watch::numerics(const torch::nn::Module& module) const {
  if (matrices.empty() && !weights) return {};
  NumericalStability stability;
  for (const Matrix& matrix : matrices) monitor::measure_matrix(matrix.name, matrix.get, stability);
  if (!weights) return stability;
  WatchList parameters;
  monitor::list_parameters(module, parameters);
  for (const auto& watched : parameters) {
    if (watched.tensor.dim() != 2) continue;
    monitor::measure_matrix(
        watched.name, [&] { return watched.tensor; }, stability);
  }
  return stability;
}

void StabilityMonitor::Watch::add_matrix(const std::string& name, std::function<at::Tensor()> matrix) {
  const auto has_name = [&](const Matrix& known) { return known.name == name; };
  if (std::any_of(matrices.begin(), matrices.end(), has_name)) {
    throw Error(ErrorCode::already_exists, name,
                "the monitor measures a matrix named " + name + " already; give this one another name");
  }
  matrices.push_back({name, std::move(matrix)});
}

StabilityMonitor::StabilityMonitor(MonitorOptions options)
    : HealthMonitor(options), watch_(std::make_unique<Watch>()) {}
StabilityMonitor::StabilityMonitor(StabilityMonitor&&) noexcept = default;
StabilityMonitor& StabilityMonitor::operator=(StabilityMonitor&&) noexcept = default;
StabilityMonitor::~StabilityMonitor() = default;

StepMetrics StabilityMonitor::check_step(const WatchedModule& model, const at::Tensor& loss,
                                         const WatchedOptimizers& optimizers, Step step, const StepCheck& check) {
  return observe(measured("step " + std::to_string(step), [&] {
    return watch_->look(model.get(), loss, optimizers.get(), step, check, scan_is_due(step));
  }));
}

StepMetrics StabilityMonitor::scan_before_save(const WatchedModule& model, const WatchedOptimizers& optimizers,
                                               Step step) {
  return observe(measured("step " + std::to_string(step), [&] {
    WatchList list = watch_->everything(model.get(), optimizers.get());
    const Findings findings = look_at(list);
    return StepObservation{
        .step = step, .scan = scan_of(std::move(list), findings), .stability = watch_->numerics(model.get())};
  }));
}

// Looks without telling: neither counts nor windows change, and nothing is recorded.
NanInfReport StabilityMonitor::check_nan_inf(const WatchedModule& model) const {
  return measured("the model", [&] {
    const WatchList list = watch_->everything(model.get(), {});
    const Findings findings = look_at(list);
    NanInfReport report;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (findings.tallies[i].nan != 0) report.nan_tensors.push_back(list[i].name);
      if (findings.tallies[i].inf != 0) report.inf_tensors.push_back(list[i].name);
    }
    report.has_nan = !report.nan_tensors.empty();
    report.has_inf = !report.inf_tensors.empty();
    return report;
  });
}

double StabilityMonitor::compute_gradient_norm(const WatchedModule& model) const {
  return measured("the gradient", [&] {
    WatchList gradients;
    monitor::list_gradients(model.get(), gradients);
    return look_at(gradients).gradient_norm.value_or(0);
  });
}

NumericalStability StabilityMonitor::check_numerical_stability(const WatchedModule& model) const {
  const at::NoGradGuard no_grad;
  return watch_->numerics(model.get()).value_or(NumericalStability{});
}

void StabilityMonitor::watch_activation(const std::string& name, const at::Tensor& activation) {
  if (!monitor::is_measurable(activation)) return;
  const at::NoGradGuard no_grad;
  auto& known = watch_->activations;
  std::erase_if(known, [&](const auto& watched) { return watched.name == name; });
  known.push_back({name, TensorKind::activation, activation.detach()});
}

void StabilityMonitor::register_probe(const std::string& name, std::function<at::Tensor()> matrix) {
  watch_->add_matrix(name, std::move(matrix));
}

void StabilityMonitor::register_operator(const std::string& name, std::int64_t size,
                                         std::function<at::Tensor(const at::Tensor&)> apply, at::ScalarType dtype) {
  watch_->add_matrix(name, [size, apply = std::move(apply), dtype] { return apply(at::eye(size, dtype)); });
}

void StabilityMonitor::watch_weights() {
  watch_->weights = true;
}

}  // namespace lastgood

// The monitor for LibTorch: measures the tensors of a training, and judges as <lastgood/monitor.h> does.
//
//   lastgood::StabilityMonitor monitor({.check_interval = 10});
//   ...
//   loss.backward();
//   optimizer.step();
//   auto metrics = monitor.check_step(model, loss, optimizer, step);
//   if (metrics.overall_health == lastgood::Health::critical) ...
//
// At every step: loss, gradient norm, learning rate, for one pass over the gradients. Every `check_interval` steps, and
// at once where one of those is not finite: a scan of parameters, buffers, gradients, optimizer state and the
// activations that were named, and the numerical stability of the matrices that were registered. Nothing of the
// training changes: no tensor, no generator, no graph, no grad mode.
//
// One thread at a time, the one that trains. Errors: invalid_argument unless a function says otherwise; io for what
// LibTorch itself fails at.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <lastgood/monitor.h>
#include <lastgood/torch.h>

namespace lastgood {

/// The module that is trained: itself, or by its holder. Several of them are registered in one that holds them all.
class WatchedModule {
 public:
  WatchedModule(const torch::nn::Module& module) : module_(&module) {}
  template <ModulePointer Pointer>
  WatchedModule(const Pointer& module) : module_(&static_cast<const torch::nn::Module&>(*module)) {}

  const torch::nn::Module& get() const noexcept { return *module_; }

 private:
  const torch::nn::Module* module_;
};

/// One optimizer, several as `{first, second}` or by their addresses, or none as `{}`. The learning rate is that of the
/// first one's first group; the state of each is scanned, so each must be LibTorch's own (those of
/// TrainingState::add_optimizer()).
class WatchedOptimizers {
 public:
  WatchedOptimizers() = default;
  WatchedOptimizers(const torch::optim::Optimizer& one) : optimizers_{&one} {}
  WatchedOptimizers(std::initializer_list<std::reference_wrapper<const torch::optim::Optimizer>> several) {
    for (const auto& one : several) optimizers_.push_back(&one.get());
  }
  explicit WatchedOptimizers(std::vector<const torch::optim::Optimizer*> several) : optimizers_(std::move(several)) {}

  const std::vector<const torch::optim::Optimizer*>& get() const noexcept { return optimizers_; }

 private:
  std::vector<const torch::optim::Optimizer*> optimizers_;
};

/// How a step is checked.
struct StepCheck {
  /// Before the optimizer's step, damage has not reached the weights yet. A step may be checked before and after: the
  /// second check then scans what the optimizer changed, if the first one scanned, and repeats no scalar.
  StepPhase phase = StepPhase::after_optimizer;
  bool scan = false;                 // now, whether it is due or not
  bool loss_scale_overflow = false;  // mixed precision's scaler met gradients that are not finite, and skips the step
  /// Where it is known already, unclipped and unscaled: clip_grad_norm_() returns it, and what it leaves behind shows
  /// no explosion any more. Otherwise it is measured.
  std::optional<double> gradient_norm = {};
};

/// What check_nan_inf() found. Names in the order of parameters, buffers, activations, gradients (`PARAMETER.grad`).
struct NanInfReport {
  bool has_nan = false;
  bool has_inf = false;
  std::vector<std::string> nan_tensors = {};
  std::vector<std::string> inf_tensors = {};
};

class StabilityMonitor : public HealthMonitor {
 public:
  explicit StabilityMonitor(MonitorOptions options = {});
  StabilityMonitor(StabilityMonitor&&) noexcept;
  StabilityMonitor& operator=(StabilityMonitor&&) noexcept;
  ~StabilityMonitor();

  /// Measures and judges one step; call it before gradients are set to zero. An undefined loss, and a model without any
  /// gradient, tell none. The scan lists tensors in the order in which a step uses them: parameters, buffers,
  /// activations, gradients, optimizer state. Numbers are the same on any number of threads.
  StepMetrics check_step(const WatchedModule& model, const at::Tensor& loss, const WatchedOptimizers& optimizers,
                         Step step, const StepCheck& check = {});

  /// Completes the verdict on the step that was checked last by a scan of the state as it is now, so that a checkpoint
  /// of it may count: `stability_of(monitor.scan_before_save(model, optimizer, step))`.
  StepMetrics scan_before_save(const WatchedModule& model, const WatchedOptimizers& optimizers, Step step);

  /// A look at parameters, buffers, activations and gradients, outside of any step: it enters no verdict.
  NanInfReport check_nan_inf(const WatchedModule& model) const;

  /// L2 over all gradients, in double, tied parameters once; 0 where there is none. NaN or infinite if any element is.
  double compute_gradient_norm(const WatchedModule& model) const;

  /// Measures all registered matrices now, in double or complex128; it enters no verdict. Costs a singular value and an
  /// eigenvalue decomposition of each: O(n^3), 0.3 s for [512, 512]. What fails is listed, and is a warning in a check.
  NumericalStability check_numerical_stability(const WatchedModule& model) const;

  /// Watches an activation, or any other tensor of the caller's, in the next check: call it where the tensor is made,
  /// in each step. Its memory is kept until then. A name that comes again stands for the newer tensor.
  void watch_activation(const std::string& name, const at::Tensor& activation);

  /// Measures that matrix, [rows, columns], at every scan: a Hamiltonian, a kernel, a weight. It is called without
  /// gradients recorded. Error: already_exists for a name that is taken.
  void register_probe(const std::string& name, std::function<at::Tensor()> matrix);

  /// The same of a linear operator that is known by what it does: `apply` maps the columns of [size, size] to those of
  /// [rows, size]. It is given the identity, of that dtype.
  void register_operator(const std::string& name, std::int64_t size, std::function<at::Tensor(const at::Tensor&)> apply,
                         at::ScalarType dtype = at::kDouble);

  /// Measures all 2-D parameters, too, by their names. Not by default: the norms of ordinary weights exceed
  /// `schatten_threshold` (S1 of an embedding [50257, 768] of standard deviation 0.02 is 3,400), and big ones cost
  /// much.
  void watch_weights();

 private:
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace lastgood

// The LibTorch adapter: a training state, part by part, as entries of a checkpoint, and back.
//
//   lastgood::TrainingState state;
//   state.add_module("model", model);
//   state.add_optimizer("optimizer", optimizer);
//   state.add_scheduler("schedule", schedule);
//   state.add_data_position("data", position);
//
//   if (auto head = session.head()) state.restore(store, head->id);
//   ...
//   lastgood::Capture capture = state.capture();
//   session.save(capture.views(), {.step = step});
//
// What is captured without being asked for: the default generator of the CPU, and of every CUDA device where there is
// one. Equal states give equal entries in equal order (that of registration, then of the modules), whatever process
// they live in.
//
// Tensors come back to the bit, on whatever device they are: what is not on the CPU, or not contiguous, is copied on
// the way. The store itself knows nothing of LibTorch.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>
#include <torch/optim/schedulers/lr_scheduler.h>

#include <lastgood/tensor.h>
#include <lastgood/torch/data_position.h>
#include <lastgood/torch/reduce_lr_on_plateau.h>
#include <lastgood/torch/restore.h>
#include <lastgood/torch/sampler_position.h>
#include <lastgood/torch/stateful.h>

namespace lastgood {

/// The entries of one moment, ready for Session::save(). Parameters and optimizer state on the CPU are not copied:
/// their views point into the live tensors, which must not change before the save has taken its copy (Staging says
/// when). What had to be copied (other devices, strides, options, generators) lives in the capture; keep it until then,
/// too.
/// Movable; what views() gave stays good when it is moved.
class Capture {
 public:
  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) noexcept;
  ~Capture();

  /// In the order of the entries; valid as long as the capture is.
  std::span<const TensorView> views() const noexcept;

  struct Impl;
  explicit Capture(std::unique_ptr<Impl> impl) noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

/// What a pointer-like holder of a module offers: torch::nn::ModuleHolder, std::shared_ptr.
template <class Pointer>
concept ModulePointer = requires(const Pointer& pointer) {
  { *pointer } -> std::convertible_to<const torch::nn::Module&>;
};

/// The parts of a training run, by name. Registers references: every part must outlive the state (generators and
/// tensors are handles and are shared). Names are unique and hold no dot. Parts are looked at anew by each capture and
/// restore, so modules may be changed, moved or converted in between.
///
/// Not thread-safe: call it from the thread that trains. Errors: invalid_argument unless a function says otherwise,
/// already_exists for a name that is taken, io for what LibTorch itself fails at.
class TrainingState {
 public:
  TrainingState();
  TrainingState(TrainingState&&) noexcept;
  TrainingState& operator=(TrainingState&&) noexcept;
  ~TrainingState();

  /// Parameters and buffers, as `name.fqn` in section model. Tensors that are one (tied weights) are kept once. Which
  /// of its modules are in training mode, as `name.training` in section extra. Of a quantized tensor the integers, with
  /// its quantizer beside them as `name.fqn.quantizer`; the tensor takes that over in a restore, views of it do not.
  void add_module(const std::string& name, torch::nn::Module& module);
  template <ModulePointer Pointer>
  void add_module(const std::string& name, const Pointer& module) {
    add_module(name, const_cast<torch::nn::Module&>(static_cast<const torch::nn::Module&>(*module)));
  }

  /// Gradients of all parameters of the modules, as `name.PARAMETER` in section extra: for runs that save between
  /// backward passes whose gradients add up. A gradient that is undefined stays so, and becomes so in a restore.
  void add_gradients(const std::string& name);

  /// State and options of SGD, Adam, AdamW, RMSprop, Adagrad or LBFGS, in section optimizer:
  /// `name.state.PARAMETER.exp_avg`, where PARAMETER is the parameter's name in section model, and
  /// `name.param_groups.0`. All its parameters must belong to modules of this state by the time of a capture. The
  /// learning rate is an option, and comes back with the others. State that the checkpoint does not have goes away.
  void add_optimizer(const std::string& name, torch::optim::Optimizer& optimizer);

  /// LibTorch's StepLR, lastgood's ReduceLROnPlateau (LibTorch's own hides its state), or a schedule of the user's, in
  /// section scheduler.
  void add_scheduler(const std::string& name, torch::optim::LRScheduler& scheduler);
  void add_scheduler(const std::string& name, Stateful& scheduler);

  /// A private generator, in section rng (where the default ones are, as `default.cpu`, `default.cuda.0`). A handle,
  /// which is shared: the generator lives on. Error: invalid_argument where it is undefined.
  void add_generator(const std::string& name, at::Generator generator);

  /// Where the loader stands: a DataPosition, a SamplerPosition (its epoch's order as `name.order` and
  /// `name.batch_sizes`), or the user's own.
  void add_data_position(const std::string& name, Stateful& position);

  /// Anything else, in section extra: a JSON text or opaque bytes by getter and setter, what saves and loads itself, or
  /// a tensor. `set` must throw and change nothing when it is given what it cannot take, and be able to take back what
  /// `get` gave just before. Equal values give equal texts.
  void add_json(const std::string& name, std::function<std::string()> get, std::function<void(const std::string&)> set);
  void add_json(const std::string& name, Stateful& value);
  void add_bytes(const std::string& name, std::function<std::string()> get,
                 std::function<void(const std::string&)> set);
  void add_tensor(const std::string& name, at::Tensor tensor);

  /// Lists everything. Errors: a tensor that cannot be kept (sparse, nested, without memory), a parameter of an
  /// optimizer that is in no module, a text that is not JSON; each by name.
  Capture capture() const;

  /// Brings everything back, in place: parameters keep their identity, optimizers stay bound to them, generators come
  /// last. All or nothing: after an Error every part is as it was (but see LoadStaging::verify_first). Loops over a
  /// data loader must begin anew afterwards. Errors: invalid_argument (missing, unexpected, other dtype, shape, ties,
  /// options, or parameters of an optimizer: the first five by name, the rest counted); those of load().
  RestoreReport restore(const Store& store, CheckpointId checkpoint, const RestoreOptions& options = {});

  /// For the library's own operations.
  struct Impl;
  Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lastgood

// One part of a training state: how it is listed, and how it comes back. For the thread that trains. What a restore
// selects, renames and lets differ is the plan's business.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <lastgood/torch.h>

namespace lastgood::adapter {

class RestorePlan;

/// Refers to what the user registered, looks at it anew each time, and keeps no copy of it.
class Part {
 public:
  virtual ~Part() = default;

  virtual void capture(Capture::Impl& out) const = 0;

  /// Claims what the part needs from the checkpoint, and notes what is to be done with it. Changes nothing itself.
  virtual void plan(RestorePlan& plan) = 0;
};

struct NamedModule {
  std::string name;
  torch::nn::Module* module;
};

/// Parameters' names in section model, by their implementation. Of a tied parameter's names the first one counts, as in
/// the model's own entries.
using ParameterNames = std::unordered_map<const void*, std::string>;
ParameterNames parameter_names(const std::vector<NamedModule>& modules);

/// A text by getter and setter: JSON values, bytes, schedules, data positions.
struct TextAccess {
  std::function<std::string()> get;
  std::function<void(const std::string&)> set;
};

std::unique_ptr<Part> make_module_part(NamedModule module);
/// Which of the module's modules are in training mode.
std::unique_ptr<Part> make_training_mode_part(NamedModule module);
/// `modules` is looked at anew each time; it must outlive the part.
std::unique_ptr<Part> make_gradients_part(std::string name, const std::vector<NamedModule>& modules);
/// `modules` is looked at anew each time; it must outlive the part.
std::unique_ptr<Part> make_optimizer_part(std::string name, torch::optim::Optimizer& optimizer,
                                          const std::vector<NamedModule>& modules);
std::unique_ptr<Part> make_tensor_part(std::string name, at::Tensor tensor);
std::unique_ptr<Part> make_text_part(Section section, std::string name, TextAccess access);
/// The same of bytes that need not be JSON, in section extra.
std::unique_ptr<Part> make_bytes_part(std::string name, TextAccess access);
/// A text, and the order of an epoch in entries of its own.
std::unique_ptr<Part> make_sampler_part(std::string name, SamplerPosition& position);
std::unique_ptr<Part> make_generator_part(std::string name, at::Generator generator);
/// The generators that LibTorch uses where none is named.
std::unique_ptr<Part> make_default_generators_part();
/// The state of LibTorch's StepLR. Throws for another schedule.
TextAccess step_lr_access(const std::string& name, torch::optim::LRScheduler& scheduler);

}  // namespace lastgood::adapter

#include <bit>
#include <type_traits>

#include <lastgood/torch/parts.h>

#include "store/torch/optimizer_family.h"

namespace lastgood {
namespace {

/// Of numbers in order; multiplied as in FNV-1a, a word at a time.
class Mix {
 public:
  void add(std::uint64_t word) noexcept { value_ = (std::rotl(value_, 23) ^ word) * 0x100000001b3; }
  /// Which tensor it is, and how often it was written to. LibTorch counts that for every tensor but those of inference.
  void add(const at::Tensor& tensor) {
    if (!tensor.defined()) return add(std::uint64_t{0});
    add(reinterpret_cast<std::uintptr_t>(tensor.unsafeGetTensorImpl()));
    if (!tensor.is_inference()) add(static_cast<std::uint64_t>(tensor._version()));
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

struct MixField {
  Mix& mix;

  void operator()(const std::int64_t* number) const { mix.add(static_cast<std::uint64_t>(*number)); }
  void operator()(const double* number) const { mix.add(std::bit_cast<std::uint64_t>(*number)); }
  void operator()(const at::Tensor* tensor) const { mix.add(*tensor); }
  void operator()(const adapter::TensorDeque* list) const { add_list(*list); }
  void operator()(const adapter::OptionalTensors* list) const {
    if (list->has_value()) add_list(**list);
  }
  template <class List>
  void add_list(const List& list) const {
    for (const at::Tensor& tensor : list) mix.add(tensor);
  }
};

void add_module(Mix& mix, const torch::nn::Module& module, bool has_gradients) {
  for (const at::Tensor& parameter : module.parameters()) {
    mix.add(parameter);
    if (has_gradients && parameter.defined()) mix.add(parameter.grad());
  }
  for (const at::Tensor& buffer : module.buffers()) mix.add(buffer);
}

void add_optimizer(Mix& mix, const torch::optim::Optimizer& optimizer) {
  const adapter::OptimizerFamily* const family = adapter::find_family(optimizer);
  if (family == nullptr) return;
  // In the map's own order, which only a write to it changes.
  for (const auto& [key, state] : optimizer.state()) {
    if (state == nullptr) continue;
    for (const adapter::StateField& field : family->state(*state)) std::visit(MixField{mix}, field.value);
  }
}

}  // namespace

std::uint64_t state_version(const TrainingState& state) {
  const TrainingParts parts = parts_of(state);
  Mix mix;
  for (const auto& [name, module] : parts.modules) add_module(mix, *module, parts.has_gradients);
  for (const auto& [name, optimizer] : parts.optimizers) add_optimizer(mix, *optimizer);
  return mix.value();
}

}  // namespace lastgood

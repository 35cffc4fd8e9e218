#include "bench/gpt2_state.h"

#include <cstdint>
#include <utility>

namespace bench {
namespace {

constexpr std::int64_t kWidth = 768;

using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

Shapes parameter_shapes() {
  Shapes shapes = {{"wte.weight", {50257, kWidth}}, {"wpe.weight", {1024, kWidth}}};
  const Shapes block = {{"ln_1.weight", {kWidth}},
                        {"ln_1.bias", {kWidth}},
                        {"attn.c_attn.weight", {kWidth, 3 * kWidth}},
                        {"attn.c_attn.bias", {3 * kWidth}},
                        {"attn.c_proj.weight", {kWidth, kWidth}},
                        {"attn.c_proj.bias", {kWidth}},
                        {"ln_2.weight", {kWidth}},
                        {"ln_2.bias", {kWidth}},
                        {"mlp.c_fc.weight", {kWidth, 4 * kWidth}},
                        {"mlp.c_fc.bias", {4 * kWidth}},
                        {"mlp.c_proj.weight", {4 * kWidth, kWidth}},
                        {"mlp.c_proj.bias", {kWidth}}};
  for (int i = 0; i < 12; ++i) {
    for (const auto& [name, shape] : block) shapes.emplace_back("h." + std::to_string(i) + "." + name, shape);
  }
  return shapes;
}

lastgood::EntrySpec spec(const NamedTensor& named) {
  return {named.section, named.name, lastgood::DType::float32, named.tensor.sizes().vec(), ""};
}

}  // namespace

std::vector<NamedTensor> gpt2_state() {
  std::vector<NamedTensor> state;
  for (const auto& [name, shape] : parameter_shapes()) {
    state.push_back({name, lastgood::Section::model, torch::randn(shape) * 0.02});
    state.push_back({name + ".exp_avg", lastgood::Section::optimizer, torch::randn(shape) * 1e-4});
    state.push_back({name + ".exp_avg_sq", lastgood::Section::optimizer, torch::randn(shape).square() * 1e-8});
  }
  return state;
}

void train_a_step(std::vector<NamedTensor>& state) {
  for (NamedTensor& named : state) named.tensor.mul_(0.999);
}

std::vector<lastgood::TensorView> views(const std::vector<NamedTensor>& state) {
  std::vector<lastgood::TensorView> views;
  for (const NamedTensor& named : state) views.push_back({spec(named), named.tensor.data_ptr(), false, {}});
  return views;
}

std::vector<lastgood::TensorSlot> slots(const std::vector<NamedTensor>& state) {
  std::vector<lastgood::TensorSlot> slots;
  for (const NamedTensor& named : state) slots.push_back({spec(named), named.tensor.data_ptr()});
  return slots;
}

std::vector<torch::Tensor> tensors(const std::vector<NamedTensor>& state) {
  std::vector<torch::Tensor> tensors;
  for (const NamedTensor& named : state) tensors.push_back(named.tensor);
  return tensors;
}

double gigabytes(const std::vector<NamedTensor>& state) {
  double bytes = 0;
  for (const NamedTensor& named : state) bytes += static_cast<double>(named.tensor.nbytes());
  return bytes / 1e9;
}

}  // namespace bench

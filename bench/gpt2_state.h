// The state that the benchmarks save: GPT-2 small's parameters with Adam's two moments, 438 tensors, 1.5 GB.
#pragma once

#include <string>
#include <vector>

#include <torch/torch.h>

#include <lastgood/tensor.h>

namespace bench {

struct NamedTensor {
  std::string name;
  lastgood::Section section;
  torch::Tensor tensor;  // float32, contiguous
};

/// Random values; twelve blocks of twelve tensors and two embeddings, each with exp_avg and exp_avg_sq.
std::vector<NamedTensor> gpt2_state();

/// Changes every tensor, and so every chunk, a little.
void train_a_step(std::vector<NamedTensor>& state);

std::vector<lastgood::TensorView> views(const std::vector<NamedTensor>& state);
std::vector<lastgood::TensorSlot> slots(const std::vector<NamedTensor>& state);
std::vector<torch::Tensor> tensors(const std::vector<NamedTensor>& state);
double gigabytes(const std::vector<NamedTensor>& state);

}  // namespace bench

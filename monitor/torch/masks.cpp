// The price is one copy of each mask and a comparison per scan. Without it, a model with a causal mask would be
// critical in every scan.
#include "monitor/torch/masks.h"

#include <ATen/ATen.h>

namespace lastgood::monitor {
namespace {

/// Zeros and -Inf, or a bias that only ever lowers a score. So what was spoilt by -Inf is hardly taken for one.
bool looks_like_mask(const at::Tensor& buffer) {
  const bool could_be = buffer.layout() == at::kStrided && buffer.is_floating_point() && buffer.element_size() >= 2;
  if (!could_be || buffer.numel() == 0 || buffer.max().item<double>() != 0) return false;
  return at::isneginf(buffer).any().item<bool>();
}

bool is_alike(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.device() == b.device();
}

}  // namespace

bool Masks::is_unchanged_mask(const std::string& name, const at::Tensor& buffer) {
  const auto [place, is_new] = first_.try_emplace(name);
  at::Tensor& first = place->second;
  if (!is_new && !first.defined()) return false;
  if (is_new || !is_alike(first, buffer)) {
    first = looks_like_mask(buffer) ? buffer.detach().clone() : at::Tensor();
    return first.defined();
  }
  return at::equal(first, buffer);
}

}  // namespace lastgood::monitor

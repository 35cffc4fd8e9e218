// Lowers every singular value above the limit to it: the nearest matrix, in the Frobenius norm, that keeps the limit.
// Weights are written in place, so optimizers and tied modules go on with the same tensors.
#include <algorithm>
#include <limits>

#include <lastgood/error.h>
#include <lastgood/torch/recovery.h>

namespace lastgood {
namespace {

bool is_weight(const at::Tensor& parameter) {
  if (!parameter.defined() || !parameter.requires_grad() || parameter.dim() != 2 || parameter.numel() == 0)
    return false;
  return (parameter.is_floating_point() || parameter.is_complex()) && at::isfinite(parameter).all().item<bool>();
}

/// The relative distance of neighbouring numbers.
double epsilon_of(at::ScalarType type) {
  switch (c10::toRealValueType(type)) {
    case at::kDouble: return std::numeric_limits<double>::epsilon();
    case at::kFloat: return std::numeric_limits<float>::epsilon();
    case at::kHalf: return 0x1p-10;
    default: return 0x1p-7;  // bfloat16
  }
}

bool clip(const at::Tensor& weight, double limit) {
  const auto [u, s, vh] = at::linalg_svd(weight.to(weight.is_complex() ? at::kComplexDouble : at::kDouble), false);
  const auto size = static_cast<double>(std::max(weight.size(0), weight.size(1)));
  if (s.max().item<double>() <= limit * (1 + size * epsilon_of(weight.scalar_type()))) return false;
  weight.copy_(at::matmul(u * s.clamp_max(limit).to(u.scalar_type()).unsqueeze(0), vh));
  return true;
}

}  // namespace

bool clip_spectrum(torch::nn::Module& module, double limit) {
  if (!(limit > 0)) throw Error(ErrorCode::invalid_argument, "limit", "A spectrum is clipped at a positive limit.");
  const at::NoGradGuard no_grad;
  bool clipped = false;
  for (const at::Tensor& parameter : module.parameters()) {
    if (is_weight(parameter)) clipped = clip(parameter, limit) || clipped;
  }
  return clipped;
}

}  // namespace lastgood

// A layer that solves with a resolvent: y = Re (H_eps)^-1 x, where H_eps = tridiag(1, -2 + v, 1) + i epsilon is the
// discrete Laplacian of a line of sites with a potential v that is learnt. Its condition number is real: it grows
// without bound as an eigenvalue of H nears 0 and epsilon with it. Epsilon bounds it, at the price of another operator;
// the wider type makes the solution right as it is.
#pragma once

#include <cstdint>

#include <torch/torch.h>

namespace demo {

struct ResolventOptions {
  std::int64_t sites = 16;
  double epsilon = 0.1;
};

/// [batch, sites] to [batch, sites], real, of the potential's type; the operator is complex64 for float32 and
/// complex128 for float64, so that lastgood::widen() converts it.
class ResolventImpl : public torch::nn::Module {
 public:
  explicit ResolventImpl(const ResolventOptions& options = {});
  torch::Tensor forward(const torch::Tensor& sources);

  /// H_eps [sites, sites], for a monitor's probe.
  torch::Tensor matrix() const;

  double epsilon() const noexcept { return epsilon_; }
  void set_epsilon(double epsilon) noexcept { epsilon_ = epsilon; }

  torch::Tensor potential;  // v [sites]

 private:
  double epsilon_;
};
TORCH_MODULE(Resolvent);

/// Features to one number: a linear layer, the resolvent, a linear layer.
class ResolventNetImpl : public torch::nn::Module {
 public:
  ResolventNetImpl(std::int64_t features, const ResolventOptions& options);
  torch::Tensor forward(const torch::Tensor& features);

  torch::nn::Linear in;
  Resolvent resolvent;
  torch::nn::Linear out;
};
TORCH_MODULE(ResolventNet);

}  // namespace demo

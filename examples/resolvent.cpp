#include "examples/resolvent.h"

namespace demo {

ResolventImpl::ResolventImpl(const ResolventOptions& options)
    : potential(register_parameter("potential", 0.01 * torch::randn({options.sites}))), epsilon_(options.epsilon) {}

torch::Tensor ResolventImpl::matrix() const {
  const torch::Tensor beside = torch::ones({potential.size(0) - 1}, potential.options().requires_grad(false));
  const torch::Tensor hamiltonian = torch::diag(potential - 2) + torch::diag(beside, 1) + torch::diag(beside, -1);
  return torch::complex(hamiltonian, epsilon_ * torch::eye(potential.size(0), beside.options()));
}

torch::Tensor ResolventImpl::forward(const torch::Tensor& sources) {
  const torch::Tensor right = torch::complex(sources, torch::zeros_like(sources));
  return torch::real(torch::linalg_solve(matrix(), right.t())).t();
}

ResolventNetImpl::ResolventNetImpl(std::int64_t features, const ResolventOptions& options)
    : in(register_module("in", torch::nn::Linear(features, options.sites))),
      resolvent(register_module("resolvent", Resolvent(options))),
      out(register_module("out", torch::nn::Linear(options.sites, 1))) {}

torch::Tensor ResolventNetImpl::forward(const torch::Tensor& features) {
  return out(resolvent(in(features)));
}

}  // namespace demo

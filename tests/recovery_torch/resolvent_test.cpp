// A model whose condition number, epsilon and precision are real.
#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

#include <lastgood/torch/parts.h>

#include "examples/resolvent.h"

namespace lastgood::test {
namespace {

constexpr std::int64_t kSites = 16;

double condition_number(const demo::Resolvent& resolvent) {
  const torch::Tensor values = torch::linalg_svdvals(resolvent->matrix().detach().to(torch::kComplexDouble));
  return values[0].item<double>() / values[-1].item<double>();
}

/// Moves the eigenvalue of H that is nearest to 0 onto 0: what is left of the operator there is epsilon.
void make_singular(demo::Resolvent& resolvent) {
  const torch::NoGradGuard no_grad;
  resolvent->potential.fill_(2 - 2 * std::cos(std::numbers::pi / (kSites + 1)));
}

TEST_CASE("The layer solves: the operator gives back what it was given, and gradients reach the potential") {
  torch::manual_seed(1);
  demo::Resolvent resolvent(demo::ResolventOptions{kSites, 0.1});
  const torch::Tensor sources = torch::randn({3, kSites});
  const torch::Tensor full = torch::linalg_inv(resolvent->matrix()).matmul(sources.to(torch::kComplexFloat).t()).t();
  const torch::Tensor solved = resolvent(sources);
  CHECK(solved.scalar_type() == torch::kFloat);
  CHECK(torch::allclose(solved, torch::real(full), 1e-3, 1e-4));
  solved.square().sum().backward();
  CHECK(resolvent->potential.grad().abs().min().item<double>() > 0);
}

TEST_CASE("Near an eigenvalue the condition number is 4 by epsilon, as it is for the discrete Laplacian") {
  demo::Resolvent resolvent(demo::ResolventOptions{kSites, 1e-3});
  make_singular(resolvent);
  const double largest = 4 * std::cos(std::numbers::pi / (kSites + 1));
  CHECK(condition_number(resolvent) == Approx(largest / 1e-3).epsilon(1e-3));
  resolvent->set_epsilon(1.5e-3);
  CHECK(condition_number(resolvent) == Approx(largest / 1.5e-3).epsilon(1e-3));
}

TEST_CASE("Where single precision gives noise, the wider type gives the solution") {
  torch::manual_seed(1);
  demo::Resolvent resolvent(demo::ResolventOptions{kSites, 1e-6});
  make_singular(resolvent);
  demo::Resolvent reference(demo::ResolventOptions{kSites, 1e-6});
  reference->potential.set_data(resolvent->potential.detach().to(torch::kDouble));
  const torch::Tensor sources = torch::randn({3, kSites}, torch::kDouble);
  const torch::Tensor right = reference(sources).detach();
  const auto error = [&](const torch::Tensor& solved) {
    return ((solved.detach().to(torch::kDouble) - right).norm() / right.norm()).item<double>();
  };
  CHECK(error(resolvent(sources.to(torch::kFloat))) > 0.1);
  TrainingState state;
  state.add_module("model", resolvent);
  REQUIRE(widen(state, torch::kDouble));
  CHECK(resolvent->matrix().scalar_type() == torch::kComplexDouble);
  CHECK(error(resolvent(sources)) == 0);
}

}  // namespace
}  // namespace lastgood::test

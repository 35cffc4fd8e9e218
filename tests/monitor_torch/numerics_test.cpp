#include <cmath>
#include <stdexcept>
#include <string>

#include <catch2/catch.hpp>

#include "tests/monitor_torch/training.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

torch::Tensor diagonal(std::initializer_list<double> values) {
  return torch::diag(torch::tensor(std::vector<double>(values), torch::kDouble));
}

/// tridiag(1, -2 + v, 1) + i*epsilon, as the reference's model has it.
torch::Tensor resolvent_matrix(std::int64_t size, double epsilon, at::ScalarType dtype) {
  const torch::Tensor ones = torch::ones({size - 1}, torch::kDouble);
  const torch::Tensor real =
      torch::diag(torch::full({size}, -2.0, torch::kDouble)) + torch::diag(ones, 1) + torch::diag(ones, -1);
  return torch::complex(real, epsilon * torch::eye(size, torch::kDouble)).to(dtype);
}

struct Probed {
  Training training;
  StabilityMonitor monitor;
  StepMetrics check(Step step = 0) {
    training.step();
    return monitor.check_step(training.model, training.loss, training.optimizer, step);
  }
};

}  // namespace

TEST_CASE("A probe's condition number, Schatten norms and eigenvalues are those of its matrix") {
  Probed probed;
  probed.monitor.register_probe("h", [] { return diagonal({3, -4, 0.5}); });
  const StepMetrics metrics = probed.check();
  CHECK(metrics.condition_numbers.at("h") == Approx(8));
  CHECK(metrics.schatten_norms.at("h").first == Approx(7.5));
  CHECK(metrics.schatten_norms.at("h").second == Approx(std::sqrt(25.25)));
  const EigenvalueStats& stats = metrics.eigenvalue_stats.at("h");
  CHECK(stats.largest_modulus == Approx(4));
  CHECK(stats.smallest_modulus == Approx(0.5));
  CHECK(stats.spectral_radius == Approx(4));
  CHECK(stats.share_positive_real_part == Approx(2.0 / 3));
  CHECK(metrics.overall_health == Health::healthy);
  CHECK(probed.check(1).condition_numbers.empty());  // no scan
  const HealthDashboard board = probed.monitor.get_health_dashboard();
  CHECK(board.condition_numbers_history.at("h").size() == 1);
  CHECK(board.max_condition_number == Approx(8));
  CHECK(board.schatten_norms_history.at("h").size() == 1);
}

TEST_CASE("A singular matrix, and one of zeros, has an infinite condition number") {
  Probed probed;
  probed.monitor.register_probe("singular", [] { return diagonal({1, 0}); });
  probed.monitor.register_probe("zeros", [] { return torch::zeros({2, 2}); });
  const StepMetrics metrics = probed.check();
  CHECK(metrics.condition_numbers.at("singular") == kInf);
  CHECK(metrics.condition_numbers.at("zeros") == kInf);
  CHECK(metrics.condition_number_high);
  CHECK(metrics.overall_health == Health::warning);
  CHECK(probed.monitor.suggest_recovery(metrics)[0].action == "upgrade_precision");
}

TEST_CASE("The thresholds are strict") {
  Probed probed({.training = {}, .monitor = StabilityMonitor({.check_interval = 1})});
  double small = 1;
  double large = 60;
  probed.monitor.register_probe("condition", [&] { return diagonal({small, 1e-6}); });
  probed.monitor.register_probe("schatten", [&] { return diagonal({large, 40}); });
  const StepMetrics at = probed.check(0);
  CHECK(at.condition_numbers.at("condition") == 1e6);
  CHECK(at.schatten_norms.at("schatten").first == 100);
  CHECK(at.overall_health == Health::healthy);
  small = 1.001;
  CHECK(probed.check(1).condition_number_high);
  small = 1;
  large = 60.001;
  const StepMetrics above = probed.check(2);
  CHECK(above.schatten_norm_high);
  CHECK_FALSE(above.condition_number_high);
}

TEST_CASE("Matrices are measured in double, whatever they are kept in") {
  Probed probed;
  probed.monitor.register_probe("float", [] { return diagonal({1e4, 1e-4}).to(torch::kFloat); });
  probed.monitor.register_probe("half", [] { return diagonal({200, 0.5}).to(torch::kHalf); });
  probed.monitor.register_probe("complex", [] { return resolvent_matrix(32, 0.5, torch::kComplexFloat); });
  probed.monitor.register_probe("sparse", [] { return diagonal({5, 2}).to_sparse(); });
  const StepMetrics metrics = probed.check();
  CHECK(metrics.condition_numbers.at("float") == Approx(1e8).epsilon(1e-6));
  CHECK(metrics.condition_numbers.at("half") == Approx(400));
  CHECK(metrics.condition_numbers.at("sparse") == Approx(2.5));
  // Normal: its singular values are the moduli of its eigenvalues, -2 + 2 cos(k pi / 33) + 0.5 i.
  const auto modulus = [](int k) { return std::hypot(-2 + 2 * std::cos(k * M_PI / 33), 0.5); };
  CHECK(metrics.condition_numbers.at("complex") == Approx(modulus(32) / modulus(1)).epsilon(1e-6));
  CHECK(metrics.eigenvalue_stats.at("complex").largest_modulus == Approx(modulus(32)).epsilon(1e-6));
  CHECK(metrics.eigenvalue_stats.at("complex").share_positive_real_part == 0);
}

TEST_CASE("A matrix that is not square has no eigenvalues, and all the rest") {
  StabilityMonitor monitor;
  monitor.register_probe("wide", [] { return torch::tensor({{3.0, 0.0, 0.0}, {0.0, 0.0, 1.5}}); });
  const NumericalStability measured = monitor.check_numerical_stability(torch::nn::Linear(1, 1));
  CHECK(measured.condition_numbers.at("wide") == Approx(2));
  CHECK(measured.eigenvalue_stats.empty());
  CHECK(measured.failures.empty());
}

TEST_CASE("An operator is measured by what it does") {
  StabilityMonitor monitor;
  monitor.register_probe("matrix", [] { return resolvent_matrix(16, 0.1, torch::kComplexDouble); });
  monitor.register_operator(
      "operator", 16,
      [](const torch::Tensor& columns) {
        const torch::Tensor zero = torch::zeros({1, columns.size(1)}, columns.options());
        const torch::Tensor below = torch::cat({columns.slice(0, 1), zero});
        const torch::Tensor above = torch::cat({zero, columns.slice(0, 0, 15)});
        return below + above + columns * c10::complex<double>(-2, 0.1);
      },
      torch::kComplexDouble);
  const NumericalStability measured = monitor.check_numerical_stability(torch::nn::Linear(1, 1));
  CHECK(measured.condition_numbers.at("operator") == Approx(measured.condition_numbers.at("matrix")));
  CHECK(measured.schatten_norms.at("operator").first == Approx(measured.schatten_norms.at("matrix").first));
}

TEST_CASE("What cannot be computed is a warning, never healthy, and hides nothing else") {
  Probed probed;
  probed.monitor.register_probe("throws", []() -> torch::Tensor { throw std::runtime_error("no such kernel"); });
  probed.monitor.register_probe("torch", [] { return torch::ones({2, 2}).matmul(torch::ones({3})); });
  probed.monitor.register_probe("nan", [] { return diagonal({kNaN, 1}); });
  probed.monitor.register_probe("cube", [] { return torch::ones({2, 2, 2}); });
  probed.monitor.register_probe("nothing", [] { return torch::Tensor(); });
  probed.monitor.register_probe("empty", [] { return torch::ones({0, 0}); });
  probed.monitor.register_probe("fine", [] { return diagonal({2, 1}); });
  const NumericalStability measured = probed.monitor.check_numerical_stability(probed.training.model);
  CHECK(measured.failures.size() == 6);
  CHECK(measured.failures.at("throws") == "no such kernel");
  CHECK(measured.failures.at("torch").size() > 10);
  CHECK_THAT(measured.failures.at("nan"), Contains("NaN or Inf"));
  CHECK_THAT(measured.failures.at("cube"), Contains("[2, 2, 2]"));
  const StepMetrics metrics = probed.check();
  CHECK(metrics.overall_health == Health::warning);
  CHECK(metrics.warnings.size() == 6);
  CHECK(metrics.condition_numbers.at("fine") == Approx(2));
  CHECK_FALSE(metrics.condition_number_high);
  CHECK(stability_of(metrics) != Stability::stable);
}

TEST_CASE("Weights are measured when they are asked for, and not before") {
  Probed probed;
  CHECK(probed.check(0).schatten_norms.empty());
  probed.monitor.watch_weights();
  const StepMetrics metrics = probed.check(10);
  CHECK(metrics.condition_numbers.size() == 2);  // those with two dimensions, tied ones once
  CHECK(metrics.schatten_norms.count("decoder") == 1);
  CHECK(metrics.schatten_norms.count("hidden.weight") == 1);
  CHECK(metrics.eigenvalue_stats.count("hidden.weight") == 1);
}

TEST_CASE("Probes run without gradients recorded, and have names of their own") {
  StabilityMonitor monitor;
  bool grad_mode = true;
  monitor.register_probe("h", [&] {
    grad_mode = torch::GradMode::is_enabled();
    return torch::eye(2);
  });
  monitor.check_numerical_stability(torch::nn::Linear(1, 1));
  CHECK_FALSE(grad_mode);
  CHECK(torch::GradMode::is_enabled());
  const Error error = thrown_by([&] { monitor.register_probe("h", [] { return torch::eye(2); }); });
  CHECK(error.code() == ErrorCode::already_exists);
  CHECK(error.subject() == "h");
}

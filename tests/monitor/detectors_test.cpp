// The detectors, one by one: thresholds are strict, and odd baselines decide nothing by accident.
#include <limits>

#include <catch2/catch.hpp>

#include "monitor/detectors/divergence.h"
#include "monitor/detectors/explosion.h"
#include "monitor/detectors/non_finite.h"
#include "monitor/detectors/numerics.h"
#include "monitor/detectors/stagnation.h"
#include "monitor/detectors/vanishing.h"

using namespace lastgood;
using namespace lastgood::monitor;
using Catch::Contains;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> losses(std::size_t before, double then, std::size_t after, double now) {
  std::vector<double> values(before, then);
  values.insert(values.end(), after, now);
  return values;
}

/// Losses that go up and down by `noise` around a level.
std::vector<double> noisy(std::size_t count, double level, double noise) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = level + noise * (static_cast<double>(i * 7 % 11) / 5 - 1);
  return values;
}

bool diverged(const std::vector<double>& values) {
  const auto change = measure_loss_change(values);
  return change && has_diverged(*change, 0.5);
}

}  // namespace

TEST_CASE("NaN and Inf are told apart, in the loss, the gradient norm and every kind of tensor") {
  StepObservation seen{.loss = kNaN, .gradient_norm = -kInf};
  seen.scan = TensorScan{{{.name = "w", .nan = 2},
                          {.name = "w.grad", .kind = TensorKind::gradient, .inf = 1},
                          {.name = "fine"},
                          {.name = "mean", .kind = TensorKind::buffer, .nan = 1, .inf = 1},
                          {.name = "w/exp_avg", .kind = TensorKind::optimizer_state, .nan = 1},
                          {.name = "relu", .kind = TensorKind::activation, .inf = 9}}};
  const auto found = find_non_finite(seen, false);
  REQUIRE(found.size() == 7);
  CHECK((found[0].name == "loss" && found[0].nan == 1 && found[0].inf == 0));
  CHECK((found[1].name == "gradient_norm" && found[1].nan == 0 && found[1].inf == 1));
  CHECK((found[2].name == "w" && found[2].what == "parameter" && found[2].nan == 2));
  CHECK((found[3].name == "w.grad" && found[3].what == "gradient" && found[3].inf == 1));
  CHECK((found[4].what == "buffer" && found[4].nan == 1 && found[4].inf == 1));
  CHECK(found[5].what == "optimizer_state");
  CHECK((found[6].what == "activation" && found[6].inf == 9));
}

TEST_CASE("An excuse for gradients covers them and their norm, nothing else") {
  StepObservation seen{.loss = kInf, .gradient_norm = kInf};
  seen.scan = TensorScan{{{.name = "w.grad", .kind = TensorKind::gradient, .inf = 1}, {.name = "w", .nan = 1}}};
  const auto found = find_non_finite(seen, true);
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "loss");
  CHECK(found[1].name == "w");
}

TEST_CASE("Exactly ten times the median is no explosion") {
  CHECK_FALSE(exceeds_median(20, 2, 10));
  CHECK(exceeds_median(std::nextafter(20.0, 21.0), 2, 10));
}

TEST_CASE("The robust detector judges by the noise of the logarithms") {
  std::vector<double> quiet, loud;
  for (int i = 0; i < 100; ++i) {
    const double noise = i % 11 / 5.0 - 1;
    quiet.push_back(std::exp(0.2 * noise));
    loud.push_back(std::exp(1.5 * noise));
  }
  CHECK(exceeds_log_deviation(4, quiet, 4));
  CHECK_FALSE(exceeds_log_deviation(4, loud, 4));
  CHECK_FALSE(exceeds_log_deviation(std::exp(0.2), quiet, 4));
}

TEST_CASE("A baseline without any noise does not make a small change an explosion") {
  const std::vector<double> constant(100, 2.0);
  CHECK_FALSE(exceeds_log_deviation(2.9, constant, 4));
  CHECK(exceeds_log_deviation(3.1, constant, 4));
}

TEST_CASE("A gradient of zero has vanished, one at the threshold has not") {
  CHECK(has_vanished(0, std::nullopt, 1e-3));
  CHECK(has_vanished(0, 5, 1e-3));
  CHECK_FALSE(has_vanished(1e-30, std::nullopt, 1e-3));
  CHECK_FALSE(has_vanished(0.5 * 1e-3, 0.5, 1e-3));
  CHECK(has_vanished(0.4 * 1e-3, 0.5, 1e-3));
}

TEST_CASE("A rise of exactly 50 percent is no divergence") {
  CHECK_FALSE(diverged(losses(90, 2, 10, 3)));
  CHECK(diverged(losses(90, 2, 10, 3.001)));
  CHECK(measure_loss_change(losses(90, 2, 10, 3))->increase() == 0.5);
}

TEST_CASE("Fewer than ten losses decide nothing, ten do") {
  CHECK_FALSE(measure_loss_change(losses(4, 1, 5, 100)));
  CHECK(diverged(losses(5, 1, 5, 100)));
}

TEST_CASE("Two noisy samples do not decide on a divergence") {
  auto values = losses(90, 2, 10, 2);
  values.front() = 0.1;
  values.back() = values[95] = 50;
  CHECK_FALSE(diverged(values));
}

TEST_CASE("Divergence is right for losses of any sign") {
  CHECK(diverged(losses(90, -4, 10, -1.9)));
  CHECK_FALSE(diverged(losses(90, -4, 10, -2)));
  CHECK_FALSE(diverged(losses(90, -4, 10, -8)));
  CHECK(diverged(losses(90, 0, 10, 0.1)));
  CHECK_FALSE(diverged(losses(100, 0, 0, 0)));
  CHECK(diverged(losses(90, -1, 10, 1)));
}

TEST_CASE("The noise of a loss around zero is no divergence, a rise out of it is") {
  auto values = noisy(100, 0.001, 0.5);
  CHECK_FALSE(diverged(values));
  for (std::size_t i = 90; i < 100; ++i) values[i] += 5;
  CHECK(diverged(values));
}

TEST_CASE("Stagnation needs more than its limit, and an improvement more than a thousandth") {
  CHECK_FALSE(has_stagnated(1000, 0, 1000));
  CHECK(has_stagnated(1001, 0, 1000));
  CHECK_FALSE(has_stagnated(1'000'000, 0, 0));
  CHECK_FALSE(improves(1.9985, 2));
  CHECK(improves(1.997, 2));
  CHECK(improves(-2.01, -2));
  CHECK_FALSE(improves(-2.001, -2));
}

TEST_CASE("Condition numbers and Schatten norms trip strictly above their thresholds") {
  NumericalStability at{.condition_numbers = {{"h", 1e6}}, .schatten_norms = {{"h", {100, 100}}}};
  auto verdict = judge_numerics(at, 1e6, 100);
  CHECK_FALSE(verdict.condition_number_high);
  CHECK_FALSE(verdict.schatten_norm_high);
  CHECK(verdict.findings.empty());

  NumericalStability above{.condition_numbers = {{"h", 1.1e6}, {"singular", kInf}},
                           .schatten_norms = {{"one", {101, 5}}, {"two", {5, 101}}}};
  verdict = judge_numerics(above, 1e6, 100);
  CHECK(verdict.condition_number_high);
  CHECK(verdict.schatten_norm_high);
  REQUIRE(verdict.findings.size() == 4);
  CHECK(verdict.findings[0].message == "condition number of h: 1.1e+06, above 1e+06");
  CHECK(verdict.findings[1].message == "condition number of singular: inf, above 1e+06");
  CHECK(verdict.findings[2].message == "Schatten norms of one: S1 101, S2 5, above 100");
}

TEST_CASE("What could not be computed is a warning, and not a high number") {
  NumericalStability failed{.condition_numbers = {{"a", kNaN}},
                            .schatten_norms = {{"b", {1, kNaN}}},
                            .eigenvalue_stats = {{"c", {.smallest_modulus = kNaN}}},
                            .failures = {{"d", "no convergence"}}};
  const auto verdict = judge_numerics(failed, 1e6, 100);
  CHECK_FALSE(verdict.condition_number_high);
  CHECK_FALSE(verdict.schatten_norm_high);
  REQUIRE(verdict.findings.size() == 4);
  CHECK_THAT(verdict.findings[0].message, Contains("condition number of a could not be computed"));
  CHECK_THAT(verdict.findings[3].message, Contains("d could not be computed: no convergence"));
}

#include <cmath>
#include <limits>

#include <torch/torch.h>
#include <catch2/catch.hpp>

#include "monitor/torch/measurement.h"

using namespace lastgood::monitor;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Tally measure(const at::Tensor& tensor) {
  const torch::NoGradGuard no_grad;
  Measurement measurement;
  measurement.add(tensor);
  measurement.run();
  return measurement.tally(0);
}

/// What a slow look at every element says.
void check_like_slow(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.resolve_conj().contiguous().reshape({-1});
  std::uint64_t nan = 0, inf = 0;
  double squares = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const auto value = flat[i].to(at::kComplexDouble).item<c10::complex<double>>();
    nan += std::isnan(value.real()) || std::isnan(value.imag());
    inf += std::isinf(value.real()) || std::isinf(value.imag());
    squares += value.real() * value.real() + value.imag() * value.imag();
  }
  const Tally found = measure(tensor);
  CHECK(found.nan == nan);
  CHECK(found.inf == inf);
  if (nan == 0 && inf == 0) CHECK(found.norm() == Approx(std::sqrt(squares)).epsilon(1e-12));
}

}  // namespace

TEST_CASE("Any layout of any floating point type is measured as its elements are") {
  const auto type = GENERATE(at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kComplexFloat, at::kComplexDouble);
  const double bad = GENERATE(0.5, kNaN, kInf);
  torch::manual_seed(3);
  at::Tensor tensor =
      torch::randn({6, 4, 10}, type == at::kComplexFloat || type == at::kComplexDouble ? at::TensorOptions(type)
                                                                                       : at::TensorOptions(at::kFloat))
          .to(type);
  tensor[2][2][4] = bad;
  check_like_slow(tensor);
  check_like_slow(tensor.transpose(0, 2));             // dense, in another order
  check_like_slow(tensor.slice(2, 0, 10, 2));          // with gaps
  check_like_slow(tensor.select(2, 4));                // with gaps, and fewer dimensions
  check_like_slow(tensor[2][2][4]);                    // without dimensions
  check_like_slow(tensor[2][2].expand({3, 10}));       // each element three times
  check_like_slow(tensor.slice(0, 0, 0));              // empty
  check_like_slow(tensor.as_strided({5, 4}, {2, 1}));  // elements that overlap
  if (tensor.is_complex()) {
    check_like_slow(tensor.conj());
    check_like_slow(tensor.slice(2, 0, 10, 2).conj());
  }
}

TEST_CASE("Half precision with gaps does not overflow, nor do doubles near their limit") {
  const at::Tensor half = torch::full({100, 10}, 65504, at::kHalf).slice(1, 0, 10, 2);
  CHECK(measure(half).norm() == Approx(65504 * std::sqrt(500.0)));
  const at::Tensor large = torch::full({100, 10}, 1e200, at::kDouble).slice(1, 0, 10, 2);
  CHECK(measure(large).inf == 0);
  CHECK(measure(large).norm() == Approx(1e200 * std::sqrt(500.0)));
}

TEST_CASE("Sparse tensors are measured by what they stand for") {
  const at::Tensor rows = torch::tensor({{1, 3, 1}}, at::kLong);
  const at::Tensor values = torch::tensor({{1.0, 0.0}, {2.0, 0.0}, {2.0, 0.0}});
  const at::Tensor sparse = at::sparse_coo_tensor(rows, values, {5, 2});
  CHECK(measure(sparse).norm() == Approx(std::sqrt(3.0 * 3 + 2 * 2)));  // row 1 is there twice
  CHECK_FALSE(sparse.is_coalesced());
  values[1][1] = kNaN;
  CHECK(measure(at::sparse_coo_tensor(rows, values, {5, 2})).nan == 1);
  CHECK(measure(at::sparse_coo_tensor(rows.slice(1, 0, 0), values.slice(0, 0, 0), {5, 2})).norm() == 0);
  CHECK(measure(torch::eye(3).to_sparse_csr()).norm() == Approx(std::sqrt(3.0)));
}

TEST_CASE("A large tensor is counted exactly by several threads, and its norm is that of one") {
  const int threads = at::get_num_threads();
  constexpr std::int64_t kPiece = 1 << 18;
  const at::Tensor tensor = torch::arange(5 * kPiece + 17, at::kFloat).remainder_(1000);
  at::set_num_threads(1);
  const double norm = measure(tensor).norm();
  at::set_num_threads(4);
  CHECK(measure(tensor).norm() == norm);
  CHECK(norm == Approx(tensor.to(at::kDouble).norm().item<double>()).epsilon(1e-12));
  std::uint64_t bad = 0;
  for (std::int64_t piece = 0; piece <= 5; ++piece) {
    for (const std::int64_t place : {piece * kPiece - 1, piece * kPiece, piece * kPiece + 16}) {
      if (place < 0) continue;
      tensor[place] = place % 2 == 0 ? kNaN : kInf;
      ++bad;
    }
  }
  const Tally found = measure(tensor);
  CHECK(found.nan + found.inf == bad);
  CHECK(found.inf == 5);
  at::set_num_threads(threads);
}

TEST_CASE("Many tensors are measured at once, each by itself, and scalars beside them") {
  Measurement measurement;
  std::vector<at::Tensor> tensors;
  for (int i = 0; i < 300; ++i) {
    tensors.push_back(torch::full({1 + i % 7, 300}, 1.0 * i));
    if (i % 50 == 49) tensors.back()[0][1] = kInf;
    if (i % 3 == 0) tensors.back() = tensors.back().slice(1, 0, 300, 3);
  }
  for (const at::Tensor& tensor : tensors) measurement.add(tensor);
  CHECK(measurement.add_scalar(torch::tensor(-2.5f)) == 0);
  CHECK(measurement.add_scalar(torch::tensor({7})) == 1);
  measurement.run();
  CHECK(measurement.scalar(0) == -2.5);
  CHECK(measurement.scalar(1) == 7);
  for (int i = 0; i < 300; ++i) {
    const auto number = static_cast<std::size_t>(i);
    const bool has_inf = i % 50 == 49 && i % 3 != 0;
    CHECK(measurement.tally(number).inf == (has_inf ? 1 : 0));
    if (i % 50 == 49) continue;
    CHECK(measurement.tally(number).norm() == Approx(i * std::sqrt(tensors[number].numel())));
  }
}

TEST_CASE("What is always finite, or has no memory, is not measured") {
  CHECK_FALSE(is_measurable({}));
  CHECK_FALSE(is_measurable(torch::ones({2}, at::kLong)));
  CHECK_FALSE(is_measurable(torch::ones({2}, at::kBool)));
  CHECK_FALSE(is_measurable(torch::ones({2}, at::TensorOptions().device(at::kMeta))));
  CHECK_FALSE(is_measurable(at::quantize_per_tensor(torch::ones({2}), 0.1, 0, at::kQInt8)));
  CHECK(is_measurable(torch::ones({})));
  CHECK(is_measurable(torch::ones({0}, at::kComplexHalf)));
}

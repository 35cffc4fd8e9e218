// In double, whatever the matrix is in: a condition number of 1e6 is at the edge of what float can tell from a singular
// one. The price is a decomposition on the CPU, so matrices are watched by choice and measured beside scans alone.
#include "monitor/torch/numerics.h"

#include <cmath>
#include <exception>
#include <limits>
#include <sstream>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <lastgood/error.h>

namespace lastgood::monitor {
namespace {

/// In double, or where it is complex in complex128.
at::Tensor in_double(const at::Tensor& matrix) {
  if (!matrix.defined()) throw Error(ErrorCode::invalid_argument, "matrix", "there is no tensor");
  if (matrix.dim() != 2 || matrix.numel() == 0) {
    std::ostringstream shape;
    shape << matrix.sizes();
    throw Error(ErrorCode::invalid_argument, "matrix", "a tensor of shape " + shape.str() + " is no matrix");
  }
  const at::Tensor dense = matrix.layout() == at::kStrided ? matrix : matrix.to_dense();
  const at::Tensor exact = dense.to(at::kCPU, dense.is_complex() ? at::kComplexDouble : at::kDouble);
  if (!at::isfinite(exact).all().item<bool>()) {
    throw Error(ErrorCode::invalid_argument, "matrix", "it holds NaN or Inf");
  }
  return exact;
}

void measure_singular_values(const std::string& name, const at::Tensor& matrix, NumericalStability& out) {
  const at::Tensor values = at::linalg_svdvals(matrix);
  const double largest = values.max().item<double>();
  const double smallest = values.min().item<double>();
  // Not largest / smallest alone, which is NaN for a matrix of zeros.
  out.condition_numbers[name] = smallest == 0 ? std::numeric_limits<double>::infinity() : largest / smallest;
  out.schatten_norms[name] = {values.sum().item<double>(), values.square().sum().sqrt().item<double>()};
}

void measure_eigenvalues(const std::string& name, const at::Tensor& matrix, NumericalStability& out) {
  const at::Tensor values = at::linalg_eigvals(matrix);
  const at::Tensor moduli = values.abs();
  EigenvalueStats stats;
  stats.largest_modulus = stats.spectral_radius = moduli.max().item<double>();
  stats.smallest_modulus = moduli.min().item<double>();
  stats.share_positive_real_part = at::real(values).gt(0).to(at::kDouble).mean().item<double>();
  out.eigenvalue_stats[name] = stats;
}

}  // namespace

void measure_matrix(const std::string& name, const std::function<at::Tensor()>& matrix, NumericalStability& out) {
  try {
    const at::Tensor exact = in_double(matrix());
    measure_singular_values(name, exact, out);
    if (exact.size(0) == exact.size(1)) measure_eigenvalues(name, exact, out);
  } catch (const c10::Error& error) {
    out.failures[name] = error.what_without_backtrace();
  } catch (const std::exception& error) {
    out.failures[name] = error.what();
  }
}

}  // namespace lastgood::monitor

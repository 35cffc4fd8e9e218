// 1. Tensors are sorted, as they are added: dense ones on the CPU are cut into pieces for tally(), others wait.
// 2. run() tallies the pieces on all threads and adds them up in order, so the sums do not depend on the threads.
// 3. What waits is given to its device at once, and the results are fetched together.
// 4. Only a norm that came back not finite is looked at again, for what it was.
#include "monitor/torch/measurement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

namespace lastgood::monitor {
namespace {

// Pieces are cut alike whatever the number of threads, so that sums are, too.
constexpr std::size_t kPiece = std::size_t{1} << 18;
// Less than this is read sooner than a second thread wakes up.
constexpr std::size_t kWorthThreads = std::size_t{1} << 16;

/// Nothing for formats without a loop of their own (float8): they are converted to float first.
std::optional<RealFormat> format_of(at::ScalarType type) {
  switch (c10::toRealValueType(type)) {
    case at::kHalf: return RealFormat::float16;
    case at::kBFloat16: return RealFormat::bfloat16;
    case at::kFloat: return RealFormat::float32;
    case at::kDouble: return RealFormat::float64;
    default: return {};
  }
}

/// The numbers that a tensor stores. An embedding's sparse gradient may have a row several times: their sum is meant.
at::Tensor stored_values(const at::Tensor& tensor) {
  switch (tensor.layout()) {
    case at::kStrided: return tensor;
    case at::kSparse: return tensor.coalesce().values();
    case at::kMkldnn: return tensor.to_dense();
    default: return tensor.values();  // of the compressed ones
  }
}

/// Of complex numbers, both parts.
at::Tensor as_reals(const at::Tensor& tensor) {
  if (!tensor.is_complex()) return tensor;
  return at::view_as_real(tensor.is_conj() ? tensor.conj() : tensor);
}

at::Tensor norm_of(const at::Tensor& tensor) {
  return at::linalg_vector_norm(as_reals(tensor), 2, c10::nullopt, false, at::kDouble);
}

/// A tensor whose norm is not finite: why.
Tally look_closer(const at::Tensor& tensor) {
  Tally found;
  found.nan = static_cast<std::uint64_t>(at::isnan(tensor).sum().item<std::int64_t>());
  found.inf = static_cast<std::uint64_t>(at::isinf(tensor).sum().item<std::int64_t>());
  if (found.nan != 0 || found.inf != 0) return found;
  const at::Tensor reals = as_reals(tensor);
  const double largest = reals.abs().max().item<double>();
  const double norm = norm_of(reals / largest).item<double>() * largest;
  found.add_norm(std::min(norm, std::numeric_limits<double>::max()));
  return found;
}

/// The values of doubles without dimensions, wherever they are.
std::vector<double> fetch(const std::vector<at::Tensor>& values) {
  std::vector<double> fetched(values.size());
  std::vector<bool> done(values.size());
  for (std::size_t first = 0; first < values.size(); ++first) {
    if (done[first]) continue;
    std::vector<at::Tensor> together;
    std::vector<std::size_t> numbers;
    for (std::size_t i = first; i < values.size(); ++i) {
      if (values[i].device() != values[first].device()) continue;
      together.push_back(values[i]);
      numbers.push_back(i);
      done[i] = true;
    }
    const at::Tensor on_cpu = at::stack(together).cpu();
    for (std::size_t i = 0; i < numbers.size(); ++i) fetched[numbers[i]] = on_cpu.data_ptr<double>()[i];
  }
  return fetched;
}

/// Calls `body` with 0 to `count` - 1, on LibTorch's threads. Through an iterator, whose loop is compiled into
/// LibTorch: at::parallel_for is compiled here, and runs one thread unless our flags fit those that LibTorch was built
/// with.
void run_parallel(std::size_t count, const std::function<void(std::size_t)>& body) {
  at::Tensor numbers = at::arange(static_cast<std::int64_t>(count), at::kLong);
  at::TensorIterator iterator = at::TensorIterator::nullary_op(numbers);
  const auto run_rows = [&](char** data, const std::int64_t* strides, std::int64_t columns, std::int64_t rows) {
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      const char* number = data[0] + i / columns * strides[1] + i % columns * strides[0];
      body(static_cast<std::size_t>(*reinterpret_cast<const std::int64_t*>(number)));
    }
  };
  iterator.for_each(run_rows, 1);
}

}  // namespace

bool is_measurable(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_meta() || tensor.is_quantized()) return false;
  return tensor.is_floating_point() || tensor.is_complex();
}

std::size_t Measurement::add(const at::Tensor& tensor) {
  const std::size_t number = tallies_.size();
  tallies_.emplace_back();
  at::Tensor values = stored_values(tensor);
  if (values.numel() == 0) return number;
  std::optional<RealFormat> format = format_of(values.scalar_type());
  if (!format) {
    values = values.to(at::kFloat);
    format = RealFormat::float32;
  }
  if (values.device().is_cpu() && values.is_non_overlapping_and_dense()) {
    add_dense(number, values, *format);
  } else {
    elsewhere_.push_back({number, values});
  }
  return number;
}

void Measurement::add_dense(std::size_t number, const at::Tensor& tensor, RealFormat format) {
  const bool is_complex = tensor.is_complex();
  Reals rest{.data = static_cast<const char*>(tensor.data_ptr()),
             .count = static_cast<std::size_t>(tensor.numel()) * (is_complex ? 2 : 1),
             .format = format,
             .is_complex = is_complex};
  while (rest.count != 0) {
    Reals piece = rest;
    piece.count = std::min(kPiece, rest.count);
    pieces_.push_back({number, piece});
    rest.data += piece.count * size_of(format);
    rest.count -= piece.count;
  }
  kept_.push_back(tensor);
}

std::size_t Measurement::add_scalar(const at::Tensor& scalar) {
  scalars_.push_back(scalar.detach().to(at::kDouble).reshape({}));
  return scalars_.size() - 1;
}

void Measurement::run() {
  tally_pieces();
  measure_elsewhere();
}

void Measurement::tally_pieces() {
  std::size_t total = 0;
  for (const Piece& piece : pieces_) total += piece.reals.count;
  const auto threads = static_cast<std::size_t>(total < kWorthThreads ? 1 : at::get_num_threads());
  // Each thread takes a run of pieces, as many numbers as the others.
  std::vector<std::size_t> ends(threads, pieces_.size());
  std::size_t seen = 0;
  for (std::size_t i = 0, thread = 0; i < pieces_.size(); ++i) {
    while (thread + 1 < threads && seen >= total / threads * (thread + 1)) ends[thread++] = i;
    seen += pieces_[i].reals.count;
  }
  std::vector<Tally> found(pieces_.size());
  const auto run_thread = [&](std::size_t thread) {
    for (std::size_t i = thread == 0 ? 0 : ends[thread - 1]; i < ends[thread]; ++i) {
      found[i] = monitor::tally(pieces_[i].reals);
    }
  };
  if (threads == 1) {
    run_thread(0);
  } else {
    run_parallel(threads, run_thread);
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) tallies_[pieces_[i].number] += found[i];
}

void Measurement::measure_elsewhere() {
  std::vector<at::Tensor> values = scalars_;
  for (const Elsewhere& one : elsewhere_) values.push_back(norm_of(one.tensor));
  const std::vector<double> fetched = fetch(values);
  const auto norms = fetched.begin() + static_cast<std::ptrdiff_t>(scalars_.size());
  scalar_values_.assign(fetched.begin(), norms);
  for (std::size_t i = 0; i < elsewhere_.size(); ++i) {
    Tally& tally = tallies_[elsewhere_[i].number];
    const double norm = norms[static_cast<std::ptrdiff_t>(i)];
    if (std::isfinite(norm)) {
      tally.add_norm(norm);
    } else {
      tally = look_closer(elsewhere_[i].tensor);
    }
  }
}

}  // namespace lastgood::monitor

// Looks at many tensors at once, of any device, layout and strides: their tallies, and the values of scalars. What lies
// densely in the CPU's memory is read by tally() on LibTorch's own threads; anything else goes through ATen, with one
// synchronisation a device, and one more for each tensor that turns out not to be finite.
#pragma once

#include <cstddef>
#include <vector>

#include <ATen/core/Tensor.h>

#include "monitor/torch/tally.h"

namespace lastgood::monitor {

/// Whether its numbers can be anything but finite: real or complex floating point, with memory.
bool is_measurable(const at::Tensor& tensor);

/// REQUIRES: gradients are not recorded meanwhile (at::NoGradGuard). Changes no tensor and uses no generator.
class Measurement {
 public:
  /// Its number among the tensors. REQUIRES: is_measurable(tensor).
  std::size_t add(const at::Tensor& tensor);
  /// Its number among the scalars. REQUIRES: one element.
  std::size_t add_scalar(const at::Tensor& scalar);

  /// Once, after all were added. Throws c10::Error for a tensor that ATen cannot look at.
  void run();

  const Tally& tally(std::size_t number) const { return tallies_[number]; }
  double scalar(std::size_t number) const { return scalar_values_[number]; }

 private:
  struct Piece {
    std::size_t number;  // of the tensor
    Reals reals;
  };
  struct Elsewhere {
    std::size_t number;
    at::Tensor tensor;
  };

  void add_dense(std::size_t number, const at::Tensor& tensor, RealFormat format);
  void tally_pieces();
  void measure_elsewhere();

  std::vector<Tally> tallies_;
  std::vector<double> scalar_values_;
  std::vector<at::Tensor> kept_;  // what the pieces point into
  std::vector<Piece> pieces_;
  std::vector<Elsewhere> elsewhere_;
  std::vector<at::Tensor> scalars_;
};

}  // namespace lastgood::monitor

// The inside of a Capture: views, and what they point to where that is not the training state itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <lastgood/torch.h>

#include "store/torch/tensors.h"

namespace lastgood {

/// Filled part by part. Elements of a deque stay where they are while it grows: views may point to them. For the thread
/// that trains; once it is full, the save's threads read it.
struct Capture::Impl {
  std::vector<TensorView> views;
  std::deque<at::Tensor> tensors;
  std::deque<std::string> texts;
  std::deque<std::int64_t> numbers;
  std::deque<double> reals;
  std::deque<std::shared_ptr<const std::vector<std::int64_t>>> lists;
  adapter::Ties ties;

  /// A tensor. `changes_in_forward`: see TensorView::copy_at_capture. Throws for one that cannot be kept.
  void add_tensor(Section section, const std::string& name, const at::Tensor& tensor, bool changes_in_forward);
  /// The same in section model, where a tensor that came by before becomes an alias.
  void add_tied(const std::string& name, const at::Tensor& tensor, bool changes_in_forward);
  /// A number, as a 0-dimensional int64 or float64 tensor.
  void add_number(Section section, const std::string& name, std::int64_t value);
  void add_number(Section section, const std::string& name, double value);
  /// Numbers that nobody changes, as a 1-dimensional int64 tensor; not copied.
  void add_numbers(Section section, const std::string& name, std::shared_ptr<const std::vector<std::int64_t>> values);
  /// Throws unless it is JSON.
  void add_json(Section section, const std::string& name, std::string text);
  void add_bytes(Section section, const std::string& name, std::string bytes);

 private:
  /// Of a quantized tensor; nothing for another.
  void add_quantizer(Section section, const std::string& name, const at::Tensor& tensor);
  void add_text(Section section, const std::string& name, DType dtype, std::string text);
};

}  // namespace lastgood

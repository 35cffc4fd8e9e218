// Buffers that hold -Inf on purpose: an attention mask adds it to the scores that must not count.
#pragma once

#include <string>
#include <unordered_map>

#include <ATen/core/Tensor.h>

namespace lastgood::monitor {

/// Remembers the masks of a training as they were seen first: a copy of each. Never more than looks at a tensor.
class Masks {
 public:
  /// True for a buffer of -Inf and numbers the largest of which is 0, that is what it was in the first call by its
  /// name, element by element. One that comes in another shape or type is taken for a new mask; one that was none at
  /// first never becomes one. REQUIRES: gradients are not recorded meanwhile.
  bool is_unchanged_mask(const std::string& name, const at::Tensor& buffer);

 private:
  std::unordered_map<std::string, at::Tensor> first_;  // undefined where the buffer was no mask
};

}  // namespace lastgood::monitor

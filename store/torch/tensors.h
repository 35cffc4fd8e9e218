// Which tensors can be kept, and how their bytes are reached. A tensor on another device, or with other strides than a
// contiguous one's, is kept through a copy on the CPU.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <torch/types.h>

#include <lastgood/tensor.h>

namespace lastgood::adapter {

/// Nothing for a type that a checkpoint has no word for.
std::optional<DType> to_dtype(at::ScalarType type) noexcept;

/// Throws Error(invalid_argument), with the name and the way out, for a tensor whose bytes are not all there to be
/// kept.
void require_keepable(const at::Tensor& tensor, const std::string& name);

/// What a checkpoint says of the tensor. REQUIRES: keepable.
EntrySpec spec_of(const at::Tensor& tensor, Section section, const std::string& name);

/// True when the tensor's own memory holds the entry's bytes, in order.
bool is_plain(const at::Tensor& tensor);

/// The tensor itself where it is plain, else a copy that is.
at::Tensor to_plain(const at::Tensor& tensor);

/// Recognises tensors that are one: same memory, type, shape and strides. For one capture or restore: addresses may be
/// used again after it.
class Ties {
 public:
  /// The name under which the same tensor came by before; empty when it is new (and known by `name` from now on).
  std::string owner(const at::Tensor& tensor, const std::string& name);

 private:
  using Identity = std::tuple<const void*, at::ScalarType, std::vector<std::int64_t>, std::vector<std::int64_t>>;
  std::map<Identity, std::string> names_;
};

}  // namespace lastgood::adapter

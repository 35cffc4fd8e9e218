// What of a tensor a checkpoint can hold: elements in row-major order and their type. What is more than that (strides,
// device, graph) is of the tensor that a restore writes into; what is none of it is refused by name.
#include "store/torch/tensors.h"

#include <ATen/MemoryOverlap.h>
#include <lastgood/error.h>
#include <lastgood/torch/version.h>

#include "store/torch/quantized.h"

namespace lastgood::adapter {
namespace {

/// Why the tensor cannot be kept, and what to do about it; null when it can.
const char* objection(const at::Tensor& tensor) {
  if (!tensor.defined()) return "is undefined; assign it before it is saved";
  if (tensor.is_meta()) return "is on the meta device and has no contents; materialise it before it is saved";
  if (tensor.is_quantized() && !is_affine(tensor)) {
    return "is quantized in another way than affine with 8 or 32 bits; save what it was made of instead";
  }
  if (tensor.is_nested()) return "is nested; save the tensors that it is made of (tensor.unbind()) instead";
  if (tensor.layout() != at::kStrided)
    return "is not dense; save tensor.to_dense(), or its indices and values, instead";
  if (!tensor.has_storage()) return "is of a class that keeps no plain memory; save a dense copy of it instead";
  // Written in place outside of inference mode, LibTorch would throw half way through a restore.
  if (tensor.is_inference()) return "was made in inference mode; register a clone() made outside of it";
  if (!to_dtype(integers_of(tensor).scalar_type()))
    return "has an element type that checkpoints do not know; convert it first";
  if (at::has_internal_overlap(tensor) == at::MemOverlap::Yes) {
    return "is an expanded view whose elements share memory; register the tensor that it was expanded from";
  }
  return nullptr;
}

}  // namespace

std::optional<DType> to_dtype(at::ScalarType type) noexcept {
  switch (type) {
    case at::ScalarType::Bool: return DType::boolean;
    case at::ScalarType::Byte: return DType::uint8;
    case at::ScalarType::Char: return DType::int8;
    case at::ScalarType::Short: return DType::int16;
    case at::ScalarType::Int: return DType::int32;
    case at::ScalarType::Long: return DType::int64;
    case at::ScalarType::Half: return DType::float16;
    case at::ScalarType::BFloat16: return DType::bfloat16;
    case at::ScalarType::Float: return DType::float32;
    case at::ScalarType::Double: return DType::float64;
    case at::ScalarType::ComplexHalf: return DType::complex32;
    case at::ScalarType::ComplexFloat: return DType::complex64;
    case at::ScalarType::ComplexDouble: return DType::complex128;
#if LASTGOOD_TORCH_AT_LEAST(2, 3)
    case at::ScalarType::UInt16: return DType::uint16;
    case at::ScalarType::UInt32: return DType::uint32;
    case at::ScalarType::UInt64: return DType::uint64;
    case at::ScalarType::Float8_e4m3fn: return DType::float8_e4m3fn;
    case at::ScalarType::Float8_e5m2: return DType::float8_e5m2;
    case at::ScalarType::Float8_e4m3fnuz: return DType::float8_e4m3fnuz;
    case at::ScalarType::Float8_e5m2fnuz: return DType::float8_e5m2fnuz;
#endif
    default: return std::nullopt;
  }
}

void require_keepable(const at::Tensor& tensor, const std::string& name) {
  if (const char* why = objection(tensor)) {
    throw Error(ErrorCode::invalid_argument, name, "The tensor " + name + " cannot be kept: it " + why + ".");
  }
}

EntrySpec spec_of(const at::Tensor& tensor, Section section, const std::string& name) {
  return {section, name, to_dtype(tensor.scalar_type()).value(), tensor.sizes().vec(), {}};
}

bool is_plain(const at::Tensor& tensor) {
  // A lazily conjugated or negated tensor has memory that does not hold its values.
  return tensor.device().is_cpu() && tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg();
}

at::Tensor to_plain(const at::Tensor& tensor) {
  if (is_plain(tensor)) return tensor;
  // A copy must not become a part of the user's graph.
  const at::NoGradGuard no_grad;
  return tensor.detach().to(at::kCPU).resolve_conj().resolve_neg().contiguous();
}

std::string Ties::owner(const at::Tensor& tensor, const std::string& name) {
  // Without elements there is no memory that could be shared, whatever data_ptr() says.
  if (tensor.numel() == 0) return {};
  // An alias has its owner's dtype and shape: other views of the same memory are entries of their own.
  Identity identity{tensor.data_ptr(), tensor.scalar_type(), tensor.sizes().vec(), tensor.strides().vec()};
  const auto [known, is_new] = names_.emplace(std::move(identity), name);
  return is_new ? std::string() : known->second;
}

}  // namespace lastgood::adapter

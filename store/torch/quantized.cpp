#include "store/torch/quantized.h"

#include <bit>
#include <cstdint>
#include <vector>

#include <c10/core/InferenceMode.h>
#include <lastgood/error.h>
#include <nlohmann/json.hpp>

namespace lastgood::adapter {
namespace {

using nlohmann::json;

constexpr const char* kPerTensor = "per_tensor_affine";
constexpr const char* kPerChannel = "per_channel_affine";

/// Bits, since numbers in JSON know neither NaN nor infinity.
std::vector<std::uint64_t> bits_of(const at::Tensor& scales) {
  const at::Tensor values = scales.to(at::kCPU, at::kDouble).contiguous();
  const auto* begin = static_cast<const std::uint64_t*>(values.data_ptr());
  return {begin, begin + values.numel()};
}

std::vector<std::int64_t> numbers_of(const at::Tensor& zero_points) {
  const at::Tensor values = zero_points.to(at::kCPU, at::kLong).contiguous();
  const auto* begin = static_cast<const std::int64_t*>(values.data_ptr());
  return {begin, begin + values.numel()};
}

at::QuantizerPtr per_channel(const at::Tensor& tensor, std::vector<std::uint64_t> bits,
                             std::vector<std::int64_t> zero_points, std::int64_t axis) {
  const auto count = static_cast<std::int64_t>(bits.size());
  const auto copy = [&](void* values, at::ScalarType type) {
    return at::from_blob(values, {count}, type).clone().to(tensor.device());
  };
  return at::make_per_channel_affine_quantizer(copy(bits.data(), at::kDouble), copy(zero_points.data(), at::kLong),
                                               axis, tensor.scalar_type());
}

}  // namespace

bool is_affine(const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  if (type != at::kQInt8 && type != at::kQUInt8 && type != at::kQInt32) return false;
  return tensor.qscheme() == at::kPerTensorAffine || tensor.qscheme() == at::kPerChannelAffine;
}

at::Tensor integers_of(const at::Tensor& tensor) {
  if (!tensor.is_quantized()) return tensor;
  // What is made in inference mode has no version counter.
  const c10::InferenceMode outside(false);
  at::Tensor integers =
      at::empty({0}, at::TensorOptions(c10::toUnderlying(tensor.scalar_type())).device(tensor.device()));
  integers.set_(tensor.storage(), tensor.storage_offset(), tensor.sizes(), tensor.strides());
  integers.unsafeGetTensorImpl()->set_version_counter(tensor.unsafeGetTensorImpl()->version_counter());
  return integers;
}

std::string quantizer_name(const std::string& tensor) {
  return tensor + ".quantizer";
}

std::string quantizer_text(const at::Tensor& tensor) {
  if (tensor.qscheme() == at::kPerTensorAffine) {
    return json{{"scheme", kPerTensor},
                {"scale_bits", {std::bit_cast<std::uint64_t>(tensor.q_scale())}},
                {"zero_points", {tensor.q_zero_point()}}}
        .dump();
  }
  return json{{"scheme", kPerChannel},
              {"scale_bits", bits_of(tensor.q_per_channel_scales())},
              {"zero_points", numbers_of(tensor.q_per_channel_zero_points())},
              {"axis", tensor.q_per_channel_axis()}}
      .dump();
}

at::QuantizerPtr quantizer_from(const std::string& text, const at::Tensor& tensor) {
  try {
    const auto saved = json::parse(text);
    const auto bits = saved.at("scale_bits").get<std::vector<std::uint64_t>>();
    const auto zero_points = saved.at("zero_points").get<std::vector<std::int64_t>>();
    if (saved.at("scheme") == kPerTensor && bits.size() == 1 && zero_points.size() == 1) {
      return at::make_per_tensor_affine_quantizer(std::bit_cast<double>(bits[0]), zero_points[0], tensor.scalar_type());
    }
    const std::int64_t axis = saved.at("axis").get<std::int64_t>();
    const bool fits = saved.at("scheme") == kPerChannel && axis >= 0 && axis < tensor.dim() &&
                      tensor.size(axis) == static_cast<std::int64_t>(bits.size()) && bits.size() == zero_points.size();
    if (fits) return per_channel(tensor, bits, zero_points, axis);
  } catch (const json::exception&) {
    // Told below, as everything else that is no quantizer.
  }
  throw Error(ErrorCode::invalid_argument, "quantizer", "The text is not a quantizer of such a tensor: " + text);
}

}  // namespace lastgood::adapter

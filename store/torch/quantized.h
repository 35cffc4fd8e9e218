// A quantized tensor as two entries: its integers, and NAME.quantizer, which says what they stand for. Kept are those
// that are affine, per tensor or per channel, with elements of 8 or 32 bits.
#pragma once

#include <string>

#include <ATen/quantized/Quantizer.h>
#include <torch/types.h>

namespace lastgood::adapter {

/// Of a quantized tensor: whether it is one of those that are kept.
bool is_affine(const at::Tensor& tensor);

/// The tensor itself, unless it is quantized. Then its integers: the same memory under the same version counter.
at::Tensor integers_of(const at::Tensor& tensor);

/// The name of the second entry.
std::string quantizer_name(const std::string& tensor);

/// A JSON object: scheme, scale_bits (float64, bit for bit, as unsigned integers), zero_points, and of one per channel
/// the axis. REQUIRES: affine.
std::string quantizer_text(const at::Tensor& tensor);

/// What quantizer_text() gave, for a tensor of that shape and type. Error: invalid_argument for anything else.
at::QuantizerPtr quantizer_from(const std::string& text, const at::Tensor& tensor);

}  // namespace lastgood::adapter

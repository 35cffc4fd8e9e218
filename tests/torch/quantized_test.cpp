// Quantized tensors: their integers, and the quantizer that says what they stand for.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>

#include <ATen/quantized/Quantizer.h>
#include <lastgood/error.h>
#include <lastgood/torch/doctor.h>
#include <lastgood/torch/parts.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

// Not a float32, so that no digit may be lost on the way.
constexpr double kScale = 0.1;

torch::Tensor per_tensor(at::ScalarType type, double scale = kScale, std::int64_t zero_point = 3) {
  return torch::quantize_per_tensor(torch::linspace(0, 1, 12).reshape({3, 4}), scale, zero_point, type);
}

torch::Tensor per_channel(at::ScalarType type, std::int64_t axis, double step = kScale) {
  const std::int64_t channels = axis == 0 ? 3 : 4;
  return torch::quantize_per_channel(torch::linspace(0, 1, 12).reshape({3, 4}),
                                     torch::arange(1, channels + 1, torch::kDouble) * step, torch::arange(channels),
                                     axis, type);
}

/// Integers and quantizer, the latter to the bit.
bool is_same(const torch::Tensor& a, const torch::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && torch::equal(a.int_repr(), b.int_repr()) &&
         a.quantizer()->equalTo(b.quantizer());
}

std::string refusal(MemoryCheckpoint& checkpoint, TrainingState& state, const RestoreOptions& options = {}) {
  MemoryCheckpoint before(state);
  try {
    checkpoint.restore(state, options);
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(MemoryCheckpoint(state) == before);
    return error.what();
  }
  return "restored";
}

struct Held : torch::nn::Module {
  explicit Held(const torch::Tensor& tensor) : weight(register_buffer("weight", tensor)) {}
  torch::Tensor weight;
};

TEST_CASE("A quantized tensor comes back with its quantizer, whatever quantizer is here") {
  const auto [type, dtype] = GENERATE(std::pair(torch::kQInt8, DType::int8), std::pair(torch::kQUInt8, DType::uint8),
                                      std::pair(torch::kQInt32, DType::int32));
  const torch::Tensor saved = GENERATE_COPY(per_tensor(type), per_channel(type, 0), per_channel(type, 1));
  const torch::Tensor here = GENERATE_COPY(per_tensor(type, 2, 0), per_channel(type, 0, 3), per_channel(type, 1, 3));
  CAPTURE(to_string(dtype));
  Held from(saved), to(here.clone());
  TrainingState from_state, to_state;
  from_state.add_module("model", from);
  to_state.add_module("model", to);
  MemoryCheckpoint checkpoint(from_state);
  REQUIRE(checkpoint.entry("model.weight").spec == EntrySpec{Section::model, "model.weight", dtype, {3, 4}, ""});
  const void* memory = to.weight.data_ptr();
  REQUIRE_FALSE(is_same(to.weight, saved));
  checkpoint.restore(to_state);
  REQUIRE(is_same(to.weight, saved));
  REQUIRE(torch::equal(to.weight.dequantize(), saved.dequantize()));
  REQUIRE(to.weight.data_ptr() == memory);
  REQUIRE(MemoryCheckpoint(to_state) == checkpoint);
}

TEST_CASE("What a quantizer's entry says is the same in every process, and has every bit of a scale") {
  TrainingState state;
  state.add_tensor("one", per_tensor(torch::kQInt8));
  state.add_tensor("channels", per_channel(torch::kQUInt8, 0, 0.5));
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.entry("one.quantizer").bytes ==
          R"({"scale_bits":[4591870180066957722],"scheme":"per_tensor_affine","zero_points":[3]})");
  REQUIRE(
      checkpoint.entry("channels.quantizer").bytes ==
      R"({"axis":0,"scale_bits":[4602678819172646912,4607182418800017408,4609434218613702656],"scheme":"per_channel_affine","zero_points":[0,1,2]})");
}

TEST_CASE("A scale that is no number comes back to the bit") {
  const double scale = GENERATE(std::nan(""), std::numeric_limits<double>::infinity(), -0.0, 5e-324);
  const torch::Tensor tensor = per_tensor(torch::kQInt8);
  TrainingState state;
  state.add_tensor("tensor", tensor);
  at::set_quantizer_(tensor, at::make_per_tensor_affine_quantizer(scale, 0, torch::kQInt8));
  MemoryCheckpoint checkpoint(state);
  at::set_quantizer_(tensor, at::make_per_tensor_affine_quantizer(1, 0, torch::kQInt8));
  checkpoint.restore(state);
  const double restored = tensor.q_scale();
  REQUIRE(std::memcmp(&restored, &scale, sizeof scale) == 0);
}

TEST_CASE("A quantized tensor with strides of its own is kept in row-major order, and comes back into its memory") {
  const torch::Tensor whole = per_tensor(torch::kQUInt8);
  const torch::Tensor columns = whole.t();
  const torch::Tensor expected = columns.int_repr().contiguous();
  TrainingState state;
  state.add_tensor("columns", columns);
  MemoryCheckpoint checkpoint(state);
  REQUIRE(std::memcmp(checkpoint.entry("columns").bytes.data(), expected.data_ptr(), expected.nbytes()) == 0);
  whole.copy_(torch::zeros({3, 4}));
  checkpoint.restore(state);
  REQUIRE(torch::equal(columns.int_repr(), expected));
  REQUIRE(torch::equal(whole.int_repr(), expected.t()));
}

TEST_CASE("Views of a quantized tensor tell of its changes, and a restore tells those who watch the tensor") {
  const torch::Tensor tensor = per_tensor(torch::kQInt8);
  TrainingState state;
  state.add_tensor("tensor", tensor);
  const Capture capture = state.capture();
  const TensorView& view = capture.views()[0];
  REQUIRE(view.data == tensor.data_ptr());
  const std::uint64_t version = view.version();
  tensor.copy_(torch::ones({3, 4}));
  REQUIRE(view.version() > version);
  const auto before = tensor._version();
  MemoryCheckpoint(state).restore(state);
  REQUIRE(tensor._version() > before);
}

TEST_CASE("Tied quantized tensors are kept once, each with its quantizer") {
  const torch::Tensor tensor = per_tensor(torch::kQInt8);
  torch::nn::Module module;
  const torch::Tensor other = tensor.view({3, 4});
  at::set_quantizer_(other, at::make_per_tensor_affine_quantizer(7, 1, torch::kQInt8));
  module.register_buffer("a", tensor);
  module.register_buffer("b", other);
  TrainingState state;
  state.add_module("model", module);
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.entry("model.b").spec.alias_of == "model.a");
  const torch::Tensor expected = tensor.clone();
  tensor.copy_(torch::zeros({3, 4}));
  at::set_quantizer_(other, at::make_per_tensor_affine_quantizer(1, 0, torch::kQInt8));
  checkpoint.restore(state);
  REQUIRE(is_same(tensor, expected));
  REQUIRE(other.q_scale() == 7);
}

TEST_CASE("A tensor that is quantized on one side alone is a mismatch, also where entries may be missing") {
  TrainingState quantized, plain, real;
  quantized.add_tensor("tensor", per_tensor(torch::kQInt8));
  plain.add_tensor("tensor", torch::zeros({3, 4}, torch::kChar));
  real.add_tensor("tensor", torch::zeros({3, 4}));
  MemoryCheckpoint of_quantized(quantized);
  MemoryCheckpoint of_plain(plain);
  const RestoreOptions options = GENERATE(RestoreOptions{}, RestoreOptions{.strict = false, .convert_dtypes = true});
  REQUIRE_THAT(refusal(of_plain, quantized, options), Catch::Contains("tensor is quantized here"));
  REQUIRE_THAT(refusal(of_quantized, plain, options), Catch::Contains("tensor is quantized in the checkpoint"));
  REQUIRE_THAT(refusal(of_quantized, real, options), Catch::Contains("tensor is quantized in the checkpoint"));
}

TEST_CASE("Quantized integers are not converted to another type") {
  TrainingState from, to;
  from.add_tensor("tensor", per_tensor(torch::kQInt32));
  to.add_tensor("tensor", per_tensor(torch::kQInt8));
  MemoryCheckpoint checkpoint(from);
  REQUIRE_THAT(refusal(checkpoint, to), Catch::Contains("int32 [3, 4] in the checkpoint and int8 [3, 4] here"));
  REQUIRE_THAT(refusal(checkpoint, to, {.convert_dtypes = true}), Catch::Contains("integers are not converted"));
}

TEST_CASE("A partial restore takes a quantized tensor in with its quantizer, or is refused") {
  const torch::Tensor tensor = per_tensor(torch::kQInt8);
  TrainingState state;
  state.add_tensor("tensor", tensor);
  MemoryCheckpoint checkpoint(state);
  tensor.copy_(torch::zeros({3, 4}));
  at::set_quantizer_(tensor, at::make_per_tensor_affine_quantizer(5, 0, torch::kQInt8));
  REQUIRE_THAT(refusal(checkpoint, state, {.patterns = {"tensor"}}), Catch::Contains("not selected"));
  REQUIRE_THAT(refusal(checkpoint, state, {.patterns = {"*.quantizer"}}), Catch::Contains("not here"));
  checkpoint.restore(state, {.patterns = {"tensor*"}});
  REQUIRE(is_same(tensor, per_tensor(torch::kQInt8)));
}

TEST_CASE("A text that is no quantizer of the tensor is refused, and nothing changes") {
  TrainingState state;
  state.add_tensor("tensor", per_channel(torch::kQInt8, 0));
  MemoryCheckpoint checkpoint(state);
  const std::string text =
      GENERATE("", "[]", "{}", R"({"scheme":"per_tensor_affine","scale_bits":[1,2],"zero_points":[0]})",
               R"({"scheme":"per_tensor_affine","scale_bits":[1],"zero_points":[]})",
               R"({"scheme":"per_channel_affine","scale_bits":[1,2,3],"zero_points":[0,0,0]})",
               R"({"scheme":"per_channel_affine","scale_bits":[1,2,3],"zero_points":[0,0,0],"axis":1})",
               R"({"scheme":"per_channel_affine","scale_bits":[1,2,3],"zero_points":[0,0,0],"axis":2})",
               R"({"scheme":"per_channel_affine","scale_bits":[1,2,3],"zero_points":[0,0,0],"axis":-1})",
               R"({"scheme":"per_channel_affine","scale_bits":[1,2,3],"zero_points":[0,0],"axis":0})",
               R"({"scheme":"some_other","scale_bits":[1,2,3],"zero_points":[0,0,0],"axis":0})");
  CAPTURE(text);
  checkpoint.put("tensor.quantizer", text);
  REQUIRE_THAT(refusal(checkpoint, state), Catch::Contains("extra entry tensor does not fit"));
}

TEST_CASE("The doctor and a widening take quantized tensors as they are") {
  torch::nn::Module module;
  module.register_buffer("weight", per_channel(torch::kQInt8, 0));
  TrainingState state;
  state.add_module("model", module);
  MemoryCheckpoint before(state);
  REQUIRE(doctor(state).can_be_exact());
  REQUIRE_FALSE(widen(state, torch::kDouble));
  REQUIRE(MemoryCheckpoint(state) == before);
}

}  // namespace
}  // namespace lastgood::test

#include <catch2/catch.hpp>

#include <cstring>

#include <ATen/OpaqueTensorImpl.h>
#include <lastgood/error.h>
#include <lastgood/torch/version.h>
#include <torch/torch.h>

#include "store/torch/tensors.h"
#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

TEST_CASE("Tensors of every element type come back to the bit") {
  struct Row {
    at::ScalarType type;
    DType dtype;
  };
  std::vector<Row> rows = {
      {torch::kBool, DType::boolean},
      {torch::kByte, DType::uint8},
      {torch::kChar, DType::int8},
      {torch::kShort, DType::int16},
      {torch::kInt, DType::int32},
      {torch::kLong, DType::int64},
      {torch::kHalf, DType::float16},
      {torch::kBFloat16, DType::bfloat16},
      {torch::kFloat, DType::float32},
      {torch::kDouble, DType::float64},
      {at::ScalarType::ComplexHalf, DType::complex32},
      {torch::kComplexFloat, DType::complex64},
      {torch::kComplexDouble, DType::complex128},
  };
#if LASTGOOD_TORCH_AT_LEAST(2, 3)
  rows.insert(rows.end(), {{at::ScalarType::UInt16, DType::uint16},
                           {at::ScalarType::UInt32, DType::uint32},
                           {at::ScalarType::UInt64, DType::uint64},
                           {at::ScalarType::Float8_e4m3fn, DType::float8_e4m3fn},
                           {at::ScalarType::Float8_e5m2, DType::float8_e5m2},
                           {at::ScalarType::Float8_e4m3fnuz, DType::float8_e4m3fnuz},
                           {at::ScalarType::Float8_e5m2fnuz, DType::float8_e5m2fnuz}});
#endif
  for (const auto& [type, dtype] : rows) {
    CAPTURE(to_string(dtype));
    const torch::Tensor tensor = torch::empty({2, 3}, type);
    std::memset(tensor.data_ptr(), 1, tensor.nbytes());
    TrainingState state;
    state.add_tensor("tensor", tensor);
    MemoryCheckpoint checkpoint(state);
    REQUIRE(checkpoint.entry("tensor").spec == EntrySpec{Section::extra, "tensor", dtype, {2, 3}, ""});
    REQUIRE(checkpoint.entry("tensor").bytes == std::string(tensor.nbytes(), '\1'));
    std::memset(tensor.data_ptr(), 0, tensor.nbytes());
    checkpoint.restore(state);
    REQUIRE(MemoryCheckpoint(state).entry("tensor") == checkpoint.entry("tensor"));
  }
}

TEST_CASE("Whatever its strides, a tensor is kept in row-major order and comes back into its own memory") {
  torch::Tensor tensor;
  SECTION("transposed") {
    tensor = torch::randn({3, 4}).t();
  }
  SECTION("a slice") {
    tensor = torch::randn({6, 4}).slice(0, 0, 6, 2);
  }
  SECTION("channels last") {
    tensor = torch::randn({2, 3, 4, 5}).to(at::MemoryFormat::ChannelsLast);
  }
  SECTION("lazily conjugated") {
    tensor = torch::randn({3}, torch::kComplexFloat).conj();
  }
  SECTION("lazily negated") {
    tensor = at::imag(torch::randn({3}, torch::kComplexFloat).conj());
  }
  SECTION("without dimensions") {
    tensor = torch::randn({});
  }
  SECTION("empty") {
    tensor = torch::randn({0, 3});
  }
  const torch::Tensor expected = tensor.clone().contiguous().resolve_conj().resolve_neg();
  TrainingState state;
  state.add_tensor("tensor", tensor);
  MemoryCheckpoint checkpoint(state);
  const auto& bytes = checkpoint.entry("tensor").bytes;
  REQUIRE(bytes.size() == expected.nbytes());
  REQUIRE((bytes.empty() || std::memcmp(bytes.data(), expected.data_ptr(), bytes.size()) == 0));
  const auto strides = tensor.strides().vec();
  tensor.zero_();
  checkpoint.restore(state);
  REQUIRE(torch::equal(tensor, expected));
  REQUIRE(tensor.strides().vec() == strides);
}

TEST_CASE("Memory formats differ between there and here: values come back, into the layout of here") {
  const torch::Tensor values = torch::randn({2, 3, 4, 5});
  const torch::Tensor layouts[] = {
      torch::zeros({2, 3, 4, 5}), torch::zeros({2, 3, 4, 5}).to(at::MemoryFormat::ChannelsLast),
      torch::zeros({5, 4, 3, 2}).permute({3, 2, 1, 0}), torch::zeros({2, 6, 4, 5}).slice(1, 0, 6, 2)};
  for (const torch::Tensor& from : layouts) {
    for (const torch::Tensor& to : layouts) {
      from.copy_(values);
      TrainingState saved;
      saved.add_tensor("tensor", from);
      MemoryCheckpoint checkpoint(saved);
      to.zero_();
      TrainingState state;
      state.add_tensor("tensor", to);
      const auto strides = to.strides().vec();
      checkpoint.restore(state);
      REQUIRE(torch::equal(to, values));
      REQUIRE(to.strides().vec() == strides);
    }
  }
}

struct Views : torch::nn::Module {
  Views() {
    base = register_parameter("base", torch::randn({4, 3}));
    rows = register_buffer("rows", base.detach().slice(0, 1, 3));
    transposed = register_buffer("transposed", base.detach().t());
    windows = register_buffer("windows", base.detach().as_strided({5, 3}, {1, 1}));
  }
  torch::Tensor base, rows, transposed, windows;
};

TEST_CASE("Views that overlap within one memory come back consistent, and still views of it") {
  Views saved;
  TrainingState state;
  state.add_module("views", saved);
  MemoryCheckpoint checkpoint(state);
  REQUIRE(checkpoint.entry("views.rows").spec.alias_of.empty());
  Views other;
  TrainingState other_state;
  other_state.add_module("views", other);
  checkpoint.restore(other_state);
  REQUIRE(MemoryCheckpoint(other_state) == checkpoint);
  REQUIRE(torch::equal(other.base, saved.base));
  other.base.detach().fill_(7);
  for (const auto& buffer : other.buffers()) REQUIRE(torch::equal(buffer, torch::full_like(buffer, 7)));
}

TEST_CASE("The size of a tensor over 4 GiB is told in full") {
  const torch::Tensor large = torch::empty({70'000, 70'000}, torch::TensorOptions(torch::kMeta));
  const EntrySpec spec = adapter::spec_of(large, Section::model, "large");
  REQUIRE(spec.shape == std::vector<std::int64_t>{70'000, 70'000});
  REQUIRE(spec.byte_count() == 19'600'000'000U);
}

TEST_CASE("A tensor that cannot be kept is refused by name, with the way out") {
  const auto message_of = [](const torch::Tensor& tensor) -> std::string {
    struct Holder : torch::nn::Module {};
    Holder module;
    module.register_buffer("odd", tensor);
    TrainingState state;
    state.add_module("model", module);
    try {
      state.capture();
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.subject() == "model.odd");
      return error.what();
    }
    return "kept";
  };
  REQUIRE_THAT(message_of(torch::eye(3).to_sparse()), Catch::Contains("to_dense"));
  REQUIRE_THAT(message_of(torch::empty({2}, torch::kMeta)), Catch::Contains("meta device"));
  REQUIRE_THAT(message_of(torch::quantize_per_tensor(torch::ones({2}), 0.1, 0, torch::kQUInt4x2)),
               Catch::Contains("another way than affine"));
  REQUIRE_THAT(
      message_of(torch::quantize_per_channel(torch::ones({2}), torch::ones({2}), torch::zeros({2}), 0, torch::kQUInt8)),
      Catch::Contains("another way than affine"));
  REQUIRE_THAT(message_of(torch::ones({1}).expand({4})), Catch::Contains("expanded"));
  REQUIRE_THAT(message_of(at::_nested_tensor_from_tensor_list({torch::ones({2}), torch::ones({3})})),
               Catch::Contains("unbind"));
  // Dense to all who ask, with memory that only a backend of its own could read.
  const at::Tensor opaque = at::detail::make_tensor<at::OpaqueTensorImpl<int>>(
      at::DispatchKeySet(at::DispatchKey::CPU), caffe2::TypeMeta::Make<float>(), torch::kCPU, 0, at::IntArrayRef({2}));
  REQUIRE(opaque.layout() == torch::kStrided);
  REQUIRE_THAT(message_of(opaque), Catch::Contains("no plain memory"));
  const auto inference = [] {
    const c10::InferenceMode mode;
    return torch::ones({2});
  }();
  REQUIRE_THAT(message_of(inference), Catch::Contains("inference mode"));
  REQUIRE(message_of(torch::ones({2})) == "kept");
}

TEST_CASE("Views point into live tensors where they can, tell of changes, and mark what a forward pass changes") {
  torch::nn::BatchNorm1d norm(4);
  TrainingState state;
  state.add_module("norm", norm);
  const Capture capture = state.capture();
  for (const TensorView& view : capture.views()) {
    CAPTURE(view.spec.name);
    const bool is_parameter = view.spec.name == "norm.weight" || view.spec.name == "norm.bias";
    REQUIRE(view.copy_at_capture == !is_parameter);
  }
  const TensorView& weight = capture.views()[0];
  REQUIRE(weight.data == norm->weight.data_ptr());
  const std::uint64_t version = weight.version();
  REQUIRE(weight.version() == version);
  {
    const torch::NoGradGuard no_grad;
    norm->weight.add_(1);
  }
  REQUIRE(weight.version() != version);
}

TEST_CASE("A copy that a capture had to make lives and stays with it, also when it is moved") {
  const torch::Tensor tensor = torch::ones({3, 4}).t();
  TrainingState state;
  state.add_tensor("tensor", tensor);
  Capture first = state.capture();
  const Capture capture = std::move(first);
  tensor.zero_();
  const TensorView& view = capture.views()[0];
  REQUIRE_FALSE(view.version);
  REQUIRE(static_cast<const float*>(view.data)[11] == 1.0F);
}

}  // namespace
}  // namespace lastgood::test

// Precision that really converts, and spectra that are really clipped.
#include <catch2/catch.hpp>

#include <cmath>

#include <lastgood/torch/parts.h>

#include "tests/recovery_torch/stored_trainer.h"
#include "tests/support/thrown_error.h"

namespace lastgood::test {
namespace {

/// Every parameter kind that a conversion meets.
struct MixedImpl : torch::nn::Module {
  torch::Tensor half = register_parameter("half", torch::ones({3}, torch::kBFloat16));
  torch::Tensor single = register_parameter("single", torch::full({3}, 0.1F));
  torch::Tensor tied = register_parameter("tied", single);
  torch::Tensor complex = register_parameter("complex", torch::ones({2}, torch::kComplexFloat));
  torch::Tensor wide = register_parameter("wide", torch::ones({2}, torch::kDouble));
  torch::Tensor alias = register_buffer("alias", single.detach());
  torch::Tensor count = register_buffer("count", torch::ones({1}, torch::kLong));
  torch::Tensor empty = register_buffer("empty", torch::empty({0}));
};
TORCH_MODULE(Mixed);

std::vector<torch::ScalarType> types_of(const Mixed& mixed) {
  return {mixed->half.scalar_type(), mixed->single.scalar_type(), mixed->complex.scalar_type(),
          mixed->wide.scalar_type(), mixed->count.scalar_type(),  mixed->empty.scalar_type()};
}

TEST_CASE("What is narrower is widened, complex to complex, and whole numbers stay what they are") {
  Mixed mixed;
  TrainingState state;
  state.add_module("model", mixed);
  CHECK(widen(state, torch::kFloat));
  CHECK(types_of(mixed) == std::vector<torch::ScalarType>{torch::kFloat, torch::kFloat, torch::kComplexFloat,
                                                          torch::kDouble, torch::kLong, torch::kFloat});
  CHECK_FALSE(widen(state, torch::kFloat));
  CHECK(widen(state, torch::kDouble));
  CHECK(types_of(mixed) == std::vector<torch::ScalarType>{torch::kDouble, torch::kDouble, torch::kComplexDouble,
                                                          torch::kDouble, torch::kLong, torch::kDouble});
  CHECK_FALSE(widen(state, torch::kDouble));
  CHECK(mixed->single[0].item<double>() == static_cast<double>(0.1F));
  CHECK(thrown_by([&] { widen(state, torch::kHalf); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("Tensors that are one in memory are one after a conversion") {
  Mixed mixed;
  TrainingState state;
  state.add_module("model", mixed);
  widen(state, torch::kDouble);
  CHECK(mixed->tied.is_same(mixed->single));
  CHECK(mixed->alias.data_ptr() == mixed->single.data_ptr());
}

template <class Optimizer, class Options>
void train_before_and_after(Options options) {
  torch::manual_seed(3);
  torch::nn::Linear model(4, 2);
  Optimizer optimizer(model->parameters(), options);
  TrainingState state;
  state.add_module("model", model);
  state.add_optimizer("optimizer", optimizer);
  const auto step = [&](torch::ScalarType type) {
    const auto closure = [&] {
      optimizer.zero_grad();
      torch::Tensor loss = model->forward(torch::ones({3, 4}, type)).square().sum();
      loss.backward();
      return loss;
    };
    return optimizer.step(closure).template item<double>();
  };
  step(torch::kFloat);
  step(torch::kFloat);
  const torch::Tensor gradient = model->weight.grad().clone();
  REQUIRE(widen(state, torch::kDouble));
  CHECK(model->weight.grad().scalar_type() == torch::kDouble);
  CHECK(torch::equal(model->weight.grad(), gradient.to(torch::kDouble)));
  for (const TensorView& view : state.capture().views()) {
    CAPTURE(view.spec.name);
    CHECK(view.spec.dtype != DType::float32);
  }
  const torch::Tensor before = model->weight.detach().clone();
  const double loss = step(torch::kDouble);
  CHECK(std::isfinite(loss));
  CHECK_FALSE(torch::equal(model->weight, before));
}

TEST_CASE("Every optimizer goes on with its converted state, bound to the same parameters") {
  SECTION("SGD") {
    train_before_and_after<torch::optim::SGD>(torch::optim::SGDOptions(0.01).momentum(0.9));
  }
  SECTION("Adam") {
    train_before_and_after<torch::optim::Adam>(torch::optim::AdamOptions(0.01).amsgrad(true));
  }
  SECTION("AdamW") {
    train_before_and_after<torch::optim::AdamW>(torch::optim::AdamWOptions(0.01));
  }
  SECTION("RMSprop") {
    train_before_and_after<torch::optim::RMSprop>(torch::optim::RMSpropOptions(0.01).momentum(0.9).centered(true));
  }
  SECTION("Adagrad") {
    train_before_and_after<torch::optim::Adagrad>(torch::optim::AdagradOptions(0.01));
  }
  SECTION("LBFGS") {
    train_before_and_after<torch::optim::LBFGS>(torch::optim::LBFGSOptions(0.1).max_iter(3));
  }
}

/// A linear model in two runs of one store.
struct LinearRun {
  explicit LinearRun(Store& store) : session(store.start_session("run")) {
    state.add_module("model", model);
    state.add_optimizer("optimizer", optimizer);
  }
  AutoRecovery recovery(Store& store) {
    RecoveryOptions options;
    options.ladders = {{"condition_number_high", {{"rollback_checkpoint", "upgrade_precision"}}}};
    return {store, session, recovery_target(store, session, state, {.widened = [this](auto to) { told = to; }}),
            options};
  }
  Session session;
  torch::nn::Linear model{4, 2};
  torch::optim::AdamW optimizer{model->parameters(), torch::optim::AdamWOptions(0.1)};
  TrainingState state;
  torch::ScalarType told = torch::kFloat;
};

TEST_CASE("An upgrade after a rollback holds what was saved before it, is told, and outlives a restart") {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  const bool saves_again = GENERATE(false, true);
  torch::Tensor weight;
  {
    LinearRun run(store);
    AutoRecovery recovery = run.recovery(store);
    weight = run.model->weight.detach().clone().to(torch::kDouble);
    recovery.save_checkpoint(5, 0, {}, true);
    CHECK(recovery.recover("condition_number_high", 8, 0).action == "upgrade_precision");
    CHECK(run.told == torch::kDouble);
    CHECK(torch::equal(run.model->weight, weight));
    // Again: there is no wider type, but the checkpoint of before comes back.
    const torch::NoGradGuard no_grad;
    run.model->weight.zero_();
    CHECK_FALSE(recovery.recover("condition_number_high", 8, 0).success);
    CHECK(torch::equal(run.model->weight, weight));
    if (saves_again) CHECK(recovery.save_checkpoint(9, 0, {}, true).ok());
  }
  LinearRun run(store);
  AutoRecovery recovery = run.recovery(store);
  CHECK(recovery.resume()->step == (saves_again ? 9 : 5));
  CHECK(run.model->weight.scalar_type() == torch::kDouble);
  CHECK(torch::equal(run.model->weight, weight));
}

torch::Tensor singular_values(const torch::Tensor& matrix) {
  return torch::linalg_svdvals(matrix.detach().to(matrix.is_complex() ? torch::kComplexDouble : torch::kDouble));
}

TEST_CASE("Singular values above the limit are clipped in place, and nothing else changes") {
  torch::manual_seed(2);
  const auto type = GENERATE(torch::kFloat, torch::kDouble, torch::kBFloat16, torch::kComplexFloat);
  torch::nn::Module module;
  torch::Tensor weight = module.register_parameter("weight", 3 * torch::randn({6, 4}, torch::kDouble).to(type));
  const torch::Tensor frozen = module.register_parameter("frozen", 100 * torch::eye(3), false);
  const torch::Tensor bias = module.register_parameter("bias", torch::full({5}, 100.0));
  const torch::Tensor before = singular_values(weight);
  const double limit = before[1].item<double>() - 0.01;  // two of four are above it
  CHECK(clip_spectrum(module, limit));
  const torch::Tensor after = singular_values(weight);
  const double rounding = type == torch::kBFloat16 ? 0.05 : 1e-4;
  CHECK(after[0].item<double>() == Approx(limit).margin(rounding));
  CHECK(after[1].item<double>() == Approx(limit).margin(rounding));
  CHECK(torch::allclose(after.slice(0, 2), before.slice(0, 2), rounding, rounding));
  CHECK(frozen.max().item<double>() == 100);
  CHECK(bias.max().item<double>() == 100);
  CHECK(weight.scalar_type() == type);
  CHECK_FALSE(clip_spectrum(module, limit));
}

TEST_CASE("A weight that is not finite is left to the rollback, and a limit must be positive") {
  torch::nn::Module module;
  torch::Tensor weight = module.register_parameter("weight", torch::full({2, 2}, std::nan("")));
  CHECK_FALSE(clip_spectrum(module, 1));
  CHECK(thrown_by([&] { clip_spectrum(module, 0); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("The ladder clips where a limit is given, and passes on where it is not") {
  StoredTrainer t;
  RecoveryOptions options;
  options.ladders = {{"condition_number_high", {{"clip_spectrum"}, {"reduce_lr_10x"}}}};
  TrainerKnobs knobs;
  if (GENERATE(false, true)) knobs.spectral_limit = 0.5;
  AutoRecovery recovery = t.recovery(knobs, options);
  const bool clips = knobs.spectral_limit.has_value();
  CHECK(recovery.recover("condition_number_high", 3, 0).action == (clips ? "clip_spectrum" : "reduce_lr_10x"));
  CHECK((singular_values(t.trainer.net->hidden->weight)[0].item<double>() <= 0.5001) == clips);
}

}  // namespace
}  // namespace lastgood::test

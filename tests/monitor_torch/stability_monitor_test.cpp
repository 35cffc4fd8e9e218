#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/monitor_torch/training.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;
using Names = std::vector<std::string>;

TEST_CASE("The reference's loop reads the same, and scans every check_interval steps") {
  Training training;
  StabilityMonitor monitor;
  auto& model = training.model;
  auto& optimizer = training.optimizer;
  for (Step step = 0; step < 25; ++step) {
    training.step();
    const auto& loss = training.loss;
    const StepMetrics metrics = monitor.check_step(model, loss, optimizer, step);
    const bool scanned = step % 10 == 0;
    CHECK(metrics.overall_health == (scanned ? Health::healthy : Health::unchecked));
    CHECK(stability_of(metrics) == (scanned ? Stability::stable : Stability::unknown));
    CHECK(metrics.current_loss == loss.item<double>());
    REQUIRE(metrics.gradient_norm);
    CHECK(*metrics.gradient_norm == monitor.compute_gradient_norm(model));
    CHECK(metrics.timestamp > 0);
    CHECK(metrics.condition_numbers.empty());
    CHECK(monitor.suggest_recovery(metrics)[0].action == "continue");
  }
  const HealthDashboard board = monitor.get_health_dashboard();
  CHECK(board.current_step == 24);
  CHECK(board.gradient_norm_mean);
  CHECK(board.health_score > 70);
}

TEST_CASE("The options are the monitor's own, with the reference's defaults") {
  const MonitorOptions options = StabilityMonitor().options();
  CHECK(options.check_interval == 10);
  CHECK(options.gradient_window == 100);
  CHECK(options.loss_window == 100);
  CHECK(options.gradient_explosion_threshold == 10.0);
  CHECK(options.loss_divergence_threshold == 0.5);
  CHECK(options.condition_number_threshold == 1e6);
  CHECK(options.schatten_threshold == 100.0);
  CHECK(StabilityMonitor({.check_interval = 3}).options().check_interval == 3);
  CHECK(thrown_by([] { StabilityMonitor monitor({.check_interval = 0}); }).code() == ErrorCode::invalid_argument);
}

TEST_CASE("NaN and Inf are told apart, by name, wherever they are") {
  struct Place {
    std::string name;
    std::function<torch::Tensor(Training&)> tensor;
  };
  const std::vector<Place> places = {
      {"hidden.bias", [](Training& t) { return t.model->hidden->bias; }},
      {"decoder", [](Training& t) { return t.model->embedding->weight; }},  // tied: under its first name
      {"decoder.grad", [](Training& t) { return t.model->embedding->weight.grad(); }},
      {"norm.running_var", [](Training& t) { return t.model->norm->running_var; }},
      {"logits", [](Training& t) { return t.logits; }},
      {"hidden.weight.exp_avg_sq",
       [](Training& t) {
         for (const auto& state : optimizer_tensors(t.optimizer)) {
           if (state.parameter.is_same(t.model->hidden->weight) && state.field == "exp_avg_sq") return state.tensor;
         }
         return torch::Tensor();
       }},
  };
  for (const Place& place : places) {
    for (const double bad : {kNaN, -kInf}) {
      CAPTURE(place.name, bad);
      Training training;
      StabilityMonitor monitor;
      training.step();
      poke(place.tensor(training), bad);
      monitor.watch_activation("logits", training.logits);
      const StepMetrics metrics = monitor.check_step(training.model, training.loss, training.optimizer, 0);
      CHECK(metrics.overall_health == Health::critical);
      CHECK(metrics.has_nan == std::isnan(bad));
      CHECK(metrics.has_inf == std::isinf(bad));
      Names named = std::isnan(bad) ? metrics.nan_tensors : metrics.inf_tensors;
      std::erase(named, "gradient_norm");
      CHECK(named == Names{place.name});
      CHECK(metrics.nan_tensors.empty() == std::isinf(bad));
      CHECK(stability_of(metrics) == Stability::unstable);
      CHECK(monitor.suggest_recovery(metrics)[0].action == "rollback_checkpoint");
    }
  }
}

TEST_CASE("A loss that is not finite is a failure by itself") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  const StepMetrics nan = monitor.check_step(training.model, torch::tensor(kNaN), training.optimizer, 0);
  CHECK(nan.nan_tensors == Names{"loss"});
  const StepMetrics inf = monitor.check_step(training.model, torch::tensor(kInf), training.optimizer, 1);
  CHECK(inf.inf_tensors == Names{"loss"});
  CHECK(inf.nan_tensors.empty());
}

TEST_CASE("Between two scans, damage that a scalar shows is scanned for at once") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  monitor.check_step(training.model, training.loss, training.optimizer, 0);
  training.backward();
  poke(training.model->hidden->bias.grad(), kNaN);
  const StepMetrics metrics = monitor.check_step(training.model, training.loss, training.optimizer, 1);
  CHECK(metrics.nan_tensors == Names{"gradient_norm", "hidden.bias.grad"});
  CHECK(metrics.scanned);
}

TEST_CASE("Between two scans, damage that no scalar shows stays unchecked until the next one") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  monitor.check_step(training.model, training.loss, training.optimizer, 0);
  training.step();
  poke(training.model->norm->running_mean, kNaN);
  const auto check = [&](Step step, const StepCheck& how = {}) {
    return monitor.check_step(training.model, training.loss, training.optimizer, step, how);
  };
  CHECK(check(9).overall_health == Health::unchecked);
  CHECK(check(10).nan_tensors == Names{"norm.running_mean"});
  CHECK(check(11).overall_health == Health::unchecked);
  CHECK(check(12, {.scan = true}).nan_tensors == Names{"norm.running_mean"});
}

TEST_CASE("A check before the optimizer's step sees damage before it reaches the weights") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  monitor.check_step(training.model, training.loss, training.optimizer, 0);
  training.backward();
  poke(training.model->hidden->weight.grad(), kInf);
  const StepMetrics metrics =
      monitor.check_step(training.model, training.loss, training.optimizer, 1, {.phase = StepPhase::before_optimizer});
  CHECK(metrics.overall_health == Health::critical);
  CHECK(metrics.inf_tensors == Names{"gradient_norm", "hidden.weight.grad"});
  CHECK(stability_of(metrics) != Stability::stable);
  CHECK_FALSE(monitor.check_nan_inf(training.model).nan_tensors.size() > 0);
}

TEST_CASE("A check before and one after make one verdict, and the second scans what the optimizer changed") {
  Training training;
  StabilityMonitor monitor;
  const auto check = [&](Step step, StepPhase phase) {
    return monitor.check_step(training.model, training.loss, training.optimizer, step, {.phase = phase});
  };
  training.backward();
  const StepMetrics before = check(0, StepPhase::before_optimizer);
  CHECK(before.overall_health == Health::healthy);
  CHECK(stability_of(before) == Stability::unknown);
  training.optimizer.step();
  const StepMetrics after = check(0, StepPhase::after_optimizer);
  CHECK(stability_of(after) == Stability::stable);
  CHECK(after.gradient_norm == before.gradient_norm);
  CHECK(after.current_loss == before.current_loss);

  training.backward();
  CHECK(check(1, StepPhase::before_optimizer).overall_health == Health::unchecked);
  poke(training.model->hidden->bias, kNaN);
  CHECK(check(1, StepPhase::after_optimizer).overall_health == Health::unchecked);
  CHECK(check(10, StepPhase::before_optimizer).nan_tensors == Names{"hidden.bias"});
  poke(training.model->hidden->weight, kInf);
  const StepMetrics both = check(10, StepPhase::after_optimizer);
  CHECK(both.inf_tensors == Names{"hidden.weight"});
  CHECK(both.nan_tensors == Names{"hidden.bias"});
  CHECK(monitor.get_health_dashboard().nan_count == 1);
}

TEST_CASE("A scan before a save gives the verdict on that very state") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  monitor.check_step(training.model, training.loss, training.optimizer, 0);
  training.step();
  CHECK(stability_of(monitor.check_step(training.model, training.loss, training.optimizer, 1)) == Stability::unknown);
  const StepMetrics good = monitor.scan_before_save(training.model, training.optimizer, 1);
  CHECK(stability_of(good) == Stability::stable);
  CHECK(good.current_loss == training.loss.item<double>());
  poke(training.model->hidden->bias, kNaN);
  const StepMetrics bad = monitor.scan_before_save(training.model, training.optimizer, 1);
  CHECK(stability_of(bad) == Stability::unstable);
  CHECK(bad.nan_tensors == Names{"hidden.bias"});
}

TEST_CASE("The gradient's norm counts tied parameters once, and half precision does not overflow in it") {
  Training training;
  StabilityMonitor monitor;
  CHECK(monitor.compute_gradient_norm(training.model) == 0);
  training.backward();
  double squares = 0;
  for (const auto& parameter :
       {training.model->embedding->weight, training.model->hidden->weight, training.model->hidden->bias,
        training.model->norm->weight, training.model->norm->bias}) {
    squares += parameter.grad().to(torch::kDouble).square().sum().item<double>();
  }
  CHECK(monitor.compute_gradient_norm(training.model) == Approx(std::sqrt(squares)).epsilon(1e-12));

  torch::nn::Linear half(300, 300);
  half->to(torch::kHalf);
  half->weight.mutable_grad() = torch::full({300, 300}, 60000, torch::kHalf);
  const StepMetrics metrics = monitor.check_step(half, torch::tensor(1.0), {}, 0);
  CHECK(metrics.gradient_norm == Approx(60000.0 * 300));
  CHECK(metrics.overall_health == Health::healthy);
}

TEST_CASE("A sparse gradient is seen") {
  torch::nn::Embedding embedding(torch::nn::EmbeddingOptions(5, 2).sparse(true));
  torch::optim::SGD optimizer(embedding->parameters(), 0.1);
  const torch::Tensor loss = embedding(torch::tensor({1, 1, 3}, torch::kLong)).sum();
  loss.backward();
  StabilityMonitor monitor;
  const StepMetrics metrics = monitor.check_step(embedding, loss, optimizer, 0);
  CHECK(metrics.gradient_norm == Approx(std::sqrt(2.0 * 2 * 2 + 2)));
  CHECK(metrics.overall_health == Health::healthy);
}

TEST_CASE("43. Gradients that are scaled after the backward pass explode in the verdict, before they reach a weight") {
  Training training;
  StabilityMonitor monitor;
  const auto check = [&](Step step) {
    return monitor.check_step(training.model, training.loss, training.optimizer, step,
                              {.phase = StepPhase::before_optimizer});
  };
  for (Step step = 0; step < 10; ++step) {
    training.backward();
    CHECK_FALSE(check(step).gradient_explosion);
    training.optimizer.step();
  }
  training.backward();
  for (const auto& parameter : training.model->parameters(false)) parameter.grad().mul_(100);
  for (const auto& parameter : training.model->hidden->parameters()) parameter.grad().mul_(100);
  const torch::Tensor weight = training.model->hidden->weight.detach().clone();
  const StepMetrics metrics = check(10);
  CHECK(metrics.gradient_explosion);
  CHECK(metrics.overall_health >= Health::warning);
  CHECK(torch::equal(training.model->hidden->weight, weight));
}

TEST_CASE("A norm that is known is taken instead of what clipping left") {
  Training training;
  StabilityMonitor monitor;
  for (Step step = 0; step < 20; ++step) {
    training.backward();
    const double norm = step < 19 ? 1 : 10;  // what clip_grad_norm_() might return
    CHECK_FALSE(monitor.check_step(training.model, training.loss, training.optimizer, step, {.gradient_norm = norm})
                    .gradient_explosion);
  }
  const StepMetrics above = monitor.check_step(training.model, training.loss, training.optimizer, 20,
                                               {.gradient_norm = std::nextafter(10.0, 11.0)});
  CHECK(above.gradient_explosion);
  CHECK(above.gradient_median == 1.0);
  CHECK(monitor.suggest_recovery(above)[0].action == "reduce_lr_10x");
}

TEST_CASE("A loss-scale overflow excuses gradients, and nothing else") {
  Training training;
  StabilityMonitor monitor;
  const auto check = [&](Step step) {
    return monitor.check_step(training.model, training.loss, training.optimizer, step, {.loss_scale_overflow = true});
  };
  training.step();
  poke(training.model->hidden->bias.grad(), kInf);
  CHECK(check(0).overall_health == Health::healthy);
  CHECK(check(1).overall_health == Health::unchecked);
  poke(training.model->hidden->bias, kInf);
  CHECK(check(10).inf_tensors == Names{"hidden.bias"});
}

TEST_CASE("A check changes nothing of the training") {
  Training training;
  StabilityMonitor monitor;
  monitor.register_probe("weight", [&] { return training.model->hidden->weight; });
  monitor.watch_weights();
  training.step();
  poke(training.model->norm->running_mean, kInf);
  monitor.watch_activation("logits", training.logits);
  std::vector<torch::Tensor> watched = training.model->parameters();
  for (const auto& parameter : training.model->parameters()) watched.push_back(parameter.grad());
  for (const auto& buffer : training.model->buffers()) watched.push_back(buffer);
  for (const auto& state : optimizer_tensors(training.optimizer)) watched.push_back(state.tensor);
  watched.push_back(training.logits);
  std::vector<torch::Tensor> copies;
  std::vector<std::int64_t> versions;
  for (const auto& tensor : watched) {
    copies.push_back(tensor.detach().clone());
    versions.push_back(tensor._version());
  }
  const torch::Tensor generator = at::globalContext().defaultGenerator(at::kCPU).get_state();

  const bool grad_mode = GENERATE(true, false);
  const torch::AutoGradMode mode(grad_mode);
  for (Step step = 0; step < 12; ++step) {
    monitor.check_step(training.model, training.loss, training.optimizer, step, {.phase = StepPhase::before_optimizer});
    monitor.check_step(training.model, training.loss, training.optimizer, step);
  }
  monitor.scan_before_save(training.model, training.optimizer, 11);
  monitor.check_nan_inf(training.model);
  monitor.check_numerical_stability(training.model);

  CHECK(torch::GradMode::is_enabled() == grad_mode);
  CHECK(torch::equal(generator, at::globalContext().defaultGenerator(at::kCPU).get_state()));
  for (std::size_t i = 0; i < watched.size(); ++i) {
    CHECK(torch::equal(watched[i], copies[i]));
    CHECK(watched[i]._version() == versions[i]);
  }
  CHECK(training.model->hidden->weight.requires_grad());
  CHECK(training.model->hidden->weight.is_leaf());
  CHECK_FALSE(training.model->hidden->weight.grad().requires_grad());
  CHECK(training.model->is_training());
}

TEST_CASE("An activation is looked at in the next check, and then let go") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  const torch::Tensor first = torch::full({3}, kNaN), second = torch::ones({3}, torch::requires_grad());
  const auto uses = first.storage().use_count();
  monitor.watch_activation("layer", second * 2);
  monitor.watch_activation("attention", first);
  monitor.watch_activation("layer", torch::full({3}, kInf));  // stands for the newer one
  monitor.watch_activation("indices", torch::ones({3}, torch::kLong));
  CHECK(monitor.check_nan_inf(training.model).nan_tensors == Names{"attention"});
  const StepMetrics metrics = monitor.check_step(training.model, training.loss, training.optimizer, 0);
  CHECK(metrics.nan_tensors == Names{"attention"});
  CHECK(metrics.inf_tensors == Names{"layer"});
  CHECK(first.storage().use_count() == uses);
  CHECK(monitor.check_step(training.model, training.loss, training.optimizer, 10).overall_health == Health::healthy);
  monitor.watch_activation("attention", first);
  monitor.check_step(training.model, training.loss, training.optimizer, 11);  // no scan
  CHECK(first.storage().use_count() == uses);
}

TEST_CASE("A look at the model alone names what is bad in it, and enters no verdict") {
  Training training;
  StabilityMonitor monitor;
  training.backward();
  CHECK_FALSE(monitor.check_nan_inf(training.model).has_nan);
  poke(training.model->norm->running_var, kInf);
  poke(training.model->hidden->bias, kNaN);
  poke(training.model->hidden->bias.grad(), kNaN);
  const NanInfReport report = monitor.check_nan_inf(training.model);
  CHECK(report.has_nan);
  CHECK(report.has_inf);
  CHECK(report.nan_tensors == Names{"hidden.bias", "hidden.bias.grad"});
  CHECK(report.inf_tensors == Names{"norm.running_var"});
  CHECK(monitor.get_health_dashboard().overall_health == Health::unchecked);
  CHECK(std::isnan(monitor.compute_gradient_norm(training.model)));
}

TEST_CASE("The -Inf of an attention mask is no failure, as long as the mask is what it was in the first scan") {
  Training training;
  StabilityMonitor monitor;
  const torch::Tensor mask = torch::nn::TransformerImpl::generate_square_subsequent_mask(4);
  training.model->register_buffer("mask", mask);
  Step step = 0;
  const auto check = [&] {
    training.step();
    return monitor.check_step(training.model, training.loss, training.optimizer, step++, {.scan = true});
  };
  CHECK(check().overall_health == Health::healthy);
  CHECK_FALSE(monitor.check_nan_inf(training.model).has_inf);
  SECTION("another -Inf is damage, until it is gone") {
    mask[1][0] = -kInf;
    CHECK(check().inf_tensors == Names{"mask"});
    CHECK(check().overall_health == Health::critical);
    mask[1][0] = 0;
    CHECK(check().overall_health == Health::healthy);
  }
  SECTION("so is one that went away") {
    mask[0][1] = 0;
    CHECK(check().inf_tensors == Names{"mask"});
  }
  SECTION("so is a NaN") {
    poke(mask, kNaN);
    CHECK(check().nan_tensors == Names{"mask"});
  }
  SECTION("a mask of another length or type is a new one") {
    mask.set_data(torch::nn::TransformerImpl::generate_square_subsequent_mask(6));
    CHECK(check().overall_health == Health::healthy);
    mask.set_data(mask.to(torch::kDouble));
    CHECK(check().overall_health == Health::healthy);
    mask[2][0] = -kInf;
    CHECK(check().inf_tensors == Names{"mask"});
  }
}

TEST_CASE("A buffer with another Inf than a mask's is damaged from the first scan on, changed or not") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  training.model->register_buffer("plus", torch::tensor({-kInf, kInf, 0.0}));
  training.model->register_buffer("nan", torch::tensor({-kInf, kNaN, 0.0}));
  training.model->register_buffer("mean", torch::tensor({-kInf, 0.5, 0.0}));
  training.model->register_buffer("below", torch::tensor({-kInf, -0.5}));
  training.model->register_buffer("bias", torch::tensor({-kInf, -0.5, 0.0}).to(torch::kHalf));  // a mask
  training.model->register_buffer("late", torch::tensor({-0.5, 0.0}));
  const auto check = [&](Step step) {
    return monitor.check_step(training.model, training.loss, training.optimizer, step, {.scan = true});
  };
  for (const Step step : {0, 1}) {
    const StepMetrics metrics = check(step);
    CHECK(metrics.inf_tensors == Names{"plus", "nan", "mean", "below"});
    CHECK(metrics.nan_tensors == Names{"nan"});
  }
  poke(training.model->named_buffers()["late"], -kInf);
  CHECK(check(2).inf_tensors == Names{"plus", "nan", "mean", "below", "late"});
}

TEST_CASE("A -Inf in a parameter is a failure from the first scan on, changed or not") {
  Training training;
  StabilityMonitor monitor;
  training.step();
  poke(training.model->hidden->bias, -kInf);
  for (const Step step : {0, 1}) {
    CHECK(monitor.check_step(training.model, training.loss, training.optimizer, step, {.scan = true}).inf_tensors ==
          Names{"hidden.bias"});
  }
}

TEST_CASE("Without a loss, a gradient or an optimizer there is none in the verdict") {
  Training training;
  StabilityMonitor monitor;
  const StepMetrics metrics = monitor.check_step(training.model, {}, {}, 0);
  CHECK_FALSE(metrics.current_loss);
  CHECK_FALSE(metrics.gradient_norm);
  CHECK_FALSE(metrics.gradient_vanishing);
  CHECK(metrics.overall_health == Health::healthy);
}

TEST_CASE("A loss that is no single number is refused, and what LibTorch fails at is told") {
  Training training;
  StabilityMonitor monitor;
  const auto error_of = [&](const torch::Tensor& loss) {
    return thrown_by([&] { monitor.check_step(training.model, loss, training.optimizer, 4); });
  };
  CHECK(error_of(torch::ones({3})).code() == ErrorCode::invalid_argument);
  CHECK(error_of(torch::ones({}, torch::kComplexFloat)).code() == ErrorCode::invalid_argument);
  const Error failure = error_of(torch::ones({}, torch::TensorOptions().device(torch::kMeta)));
  CHECK(failure.code() == ErrorCode::io);
  CHECK(failure.subject() == "step 4");
  CHECK_THAT(failure.what(), Contains("LibTorch failed"));
  CHECK(torch::GradMode::is_enabled());
}

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

#include <lastgood/error.h>
#include <lastgood/torch/version.h>
#include <torch/torch.h>

#include "tests/torch/memory_checkpoint.h"

namespace lastgood::test {
namespace {

using Mode = PlateauOptions::Mode;
using Threshold = PlateauOptions::Threshold;

/// An optimizer of two groups, whose rates are 0.5 and 0.25.
struct Rates {
  Rates() {
    optimizer.add_param_group(
        torch::optim::OptimizerParamGroup({torch::zeros({1})}, std::make_unique<torch::optim::SGDOptions>(0.25)));
  }
  std::vector<double> now() {
    std::vector<double> rates;
    for (auto& group : optimizer.param_groups()) rates.push_back(group.options().get_lr());
    return rates;
  }
  torch::optim::SGD optimizer{{torch::zeros({1})}, torch::optim::SGDOptions(0.5)};
};

/// Better for a while, then noise on a plateau.
std::vector<float> metrics() {
  std::mt19937 engine(3);
  std::vector<float> values;
  for (int i = 0; i < 60; ++i) {
    const auto noise = static_cast<float>(engine() % 1000) / 1000.0F;
    values.push_back(3.0F / static_cast<float>(i + 1) + 0.2F * noise);
  }
  return values;
}

std::vector<std::vector<double>> follow(Rates& rates, ReduceLROnPlateau& schedule, std::size_t from, std::size_t to) {
  const std::vector<float> all = metrics();
  std::vector<std::vector<double>> seen;
  for (std::size_t i = from; i < to; ++i) {
    schedule.step(all[i]);
    seen.push_back(rates.now());
  }
  return seen;
}

TEST_CASE("A rate falls after so many steps without an improvement, then rests, down to its lowest") {
  Rates rates;
  ReduceLROnPlateau schedule(rates.optimizer,
                             {.factor = 0.5F, .patience = 1, .cooldown = 1, .min_lrs = {0.2F, 0.125F}});
  const auto step = [&](float metric) {
    schedule.step(metric);
    return rates.now();
  };
  using Now = std::vector<double>;
  REQUIRE(step(1) == Now{0.5, 0.25});
  REQUIRE(step(1) == Now{0.5, 0.25});
  REQUIRE(step(0.99995F) == Now{0.25, 0.125});  // better by less than the threshold
  REQUIRE(step(1) == Now{0.25, 0.125});         // rests
  REQUIRE(step(1) == Now{0.25, 0.125});
  REQUIRE(step(1) == Now{0.2F, 0.125});
  REQUIRE(step(0.5F) == Now{0.2F, 0.125});
}

TEST_CASE("A plateau's schedule goes on where it stood, to the bit") {
  const PlateauOptions options{.mode = GENERATE(Mode::min, Mode::max),
                               .factor = 0.7F,
                               .patience = GENERATE(0, 2),
                               .threshold = 0.01,
                               .threshold_mode = GENERATE(Threshold::relative, Threshold::absolute),
                               .cooldown = GENERATE(0, 3)};
  Rates straight;
  ReduceLROnPlateau whole(straight.optimizer, options);
  const auto expected = follow(straight, whole, 0, 60);
  // Of the largest metric, LibTorch takes one for better that is more than the threshold's share of the best.
  const bool can_fall = options.mode == Mode::min || options.threshold_mode == Threshold::relative;
  REQUIRE((expected.back() != expected.front()) == can_fall);

  for (const std::size_t stop : {0U, 7U, 29U, 30U, 31U}) {
    Rates rates;
    ReduceLROnPlateau first(rates.optimizer, options);
    auto seen = follow(rates, first, 0, stop);
    TrainingState from;
    from.add_scheduler("schedule", first);
    MemoryCheckpoint checkpoint(from);
    ReduceLROnPlateau second(rates.optimizer, options);
    TrainingState to;
    to.add_scheduler("schedule", second);
    checkpoint.restore(to);
    const auto rest = follow(rates, second, stop, 60);
    seen.insert(seen.end(), rest.begin(), rest.end());
    REQUIRE(seen == expected);
    REQUIRE(second.save_state() == whole.save_state());
  }
}

#if LASTGOOD_TORCH_AT_LEAST(2, 1)
TEST_CASE("A plateau's rates are those of LibTorch's own schedule") {
  using Own = torch::optim::ReduceLROnPlateauScheduler;
  const Mode mode = GENERATE(Mode::min, Mode::max);
  const Threshold threshold = GENERATE(Threshold::relative, Threshold::absolute);
  const int cooldown = GENERATE(0, 2);
  Rates ours;
  Rates theirs;
  ReduceLROnPlateau schedule(ours.optimizer, {.mode = mode,
                                              .factor = 0.7F,
                                              .patience = 1,
                                              .threshold_mode = threshold,
                                              .cooldown = cooldown,
                                              .min_lrs = {0.01F, 0.02F}});
  Own own(theirs.optimizer, mode == Mode::min ? Own::min : Own::max, 0.7F, 1, 1e-4,
          threshold == Threshold::relative ? Own::rel : Own::abs, cooldown, {0.01F, 0.02F});
  for (const float metric : metrics()) {
    schedule.step(metric);
    own.step(metric);
    REQUIRE(ours.now() == theirs.now());
  }
}
#endif

TEST_CASE("Metrics that are not finite are kept as they are") {
  Rates rates;
  ReduceLROnPlateau schedule(rates.optimizer);
  schedule.step(-std::numeric_limits<float>::infinity());
  ReduceLROnPlateau other(rates.optimizer);
  other.load_state(schedule.save_state());
  REQUIRE(other.save_state() == schedule.save_state());
}

TEST_CASE("What cannot be a plateau's schedule, or its state, is refused and changes nothing") {
  Rates rates;
  REQUIRE_THROWS_WITH(ReduceLROnPlateau(rates.optimizer, {.factor = 1.0F}), Catch::Contains("below 1"));
  REQUIRE_THROWS_WITH(ReduceLROnPlateau(rates.optimizer, {.factor = std::nanf("")}), Catch::Contains("below 1"));
  REQUIRE_THROWS_WITH(ReduceLROnPlateau(rates.optimizer, {.min_lrs = {0.1F}}),
                      Catch::Contains("has 2 groups, and 1 lowest rates"));
  ReduceLROnPlateau schedule(rates.optimizer);
  schedule.step(1);
  const std::string before = schedule.save_state();
  ReduceLROnPlateau other(rates.optimizer, {.mode = Mode::max});
  const std::string text = GENERATE_REF(std::string("[]"), std::string("{}"), other.save_state(),
                                        std::string(R"({"type":"ReduceLROnPlateau","mode":"min","best_bits":"x"})"));
  REQUIRE_THROWS_AS(schedule.load_state(text), Error);
  REQUIRE(schedule.save_state() == before);
}

}  // namespace
}  // namespace lastgood::test

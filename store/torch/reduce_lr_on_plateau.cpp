#include <lastgood/torch/reduce_lr_on_plateau.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <lastgood/error.h>
#include <nlohmann/json.hpp>

namespace lastgood {
namespace {

constexpr const char* kType = "ReduceLROnPlateau";

Error invalid(const std::string& message) {
  return {ErrorCode::invalid_argument, kType, message};
}

const char* to_string(PlateauOptions::Mode mode) {
  return mode == PlateauOptions::Mode::min ? "min" : "max";
}

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(torch::optim::Optimizer& optimizer, PlateauOptions options)
    : optimizer_(optimizer), options_(std::move(options)) {
  const std::size_t groups = optimizer.param_groups().size();
  if (!(options_.factor < 1)) throw invalid("The factor of a ReduceLROnPlateau must be below 1.");
  if (options_.min_lrs.empty()) options_.min_lrs.assign(groups, 0);
  if (options_.min_lrs.size() != groups) {
    throw invalid("The optimizer has " + std::to_string(groups) + " groups, and " +
                  std::to_string(options_.min_lrs.size()) + " lowest rates were given. Give one for each group.");
  }
  // LibTorch's own worst metrics; for max that is the smallest positive number.
  using Limits = std::numeric_limits<float>;
  state_.best = options_.mode == PlateauOptions::Mode::min ? Limits::max() : Limits::min();
}

void ReduceLROnPlateau::step(float metric) {
  if (is_better(metric)) {
    state_.best = metric;
    state_.bad_steps = 0;
  } else {
    ++state_.bad_steps;
  }
  // After the count, as LibTorch has it: a metric that is better still becomes the best one.
  if (state_.cooldown_left > 0) {
    --state_.cooldown_left;
    state_.bad_steps = 0;
  }
  if (state_.bad_steps <= options_.patience) return;
  reduce();
  state_.cooldown_left = options_.cooldown;
  state_.bad_steps = 0;
}

/// In LibTorch's own types and order of operations, which decide about metrics on the brink.
bool ReduceLROnPlateau::is_better(float metric) const noexcept {
  const bool is_relative = options_.threshold_mode == PlateauOptions::Threshold::relative;
  if (options_.mode == PlateauOptions::Mode::min) {
    return is_relative ? metric < state_.best * (1.0 - options_.threshold) : metric < state_.best - options_.threshold;
  }
  // The last one is not a misprint of ours: LibTorch multiplies.
  return is_relative ? metric > state_.best * (1.0 + options_.threshold) : metric > state_.best * options_.threshold;
}

void ReduceLROnPlateau::reduce() {
  auto& groups = optimizer_.param_groups();
  for (std::size_t g = 0; g < groups.size() && g < options_.min_lrs.size(); ++g) {
    const double before = groups[g].options().get_lr();
    const double after = std::fmax(before * options_.factor, options_.min_lrs[g]);
    if (before - after > options_.eps) groups[g].options().set_lr(after);
  }
}

std::string ReduceLROnPlateau::save_state() const {
  // The best metric by its bits: JSON has no word for a number that is not finite.
  return nlohmann::json{{"type", kType},
                        {"mode", to_string(options_.mode)},
                        {"best_bits", std::bit_cast<std::uint32_t>(state_.best)},
                        {"bad_steps", state_.bad_steps},
                        {"cooldown_left", state_.cooldown_left}}
      .dump();
}

void ReduceLROnPlateau::load_state(const std::string& json) {
  try {
    const auto state = nlohmann::json::parse(json);
    if (state.at("type") != kType || state.at("mode") != to_string(options_.mode)) {
      throw invalid(std::string("The state is not that of a ReduceLROnPlateau of mode ") + to_string(options_.mode) +
                    ".");
    }
    state_ = {std::bit_cast<float>(state.at("best_bits").get<std::uint32_t>()), state.at("bad_steps").get<int>(),
              state.at("cooldown_left").get<int>()};
  } catch (const nlohmann::json::exception& error) {
    throw invalid(std::string("The text is not the state of a ReduceLROnPlateau: ") + error.what());
  }
}

}  // namespace lastgood

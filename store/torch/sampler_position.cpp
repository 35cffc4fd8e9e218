// Unlike DataPosition's, this order cannot be drawn again: the generator has moved on by then. So what is left of it is
// the state.
#include <lastgood/torch/sampler_position.h>

#include <algorithm>
#include <mutex>
#include <tuple>
#include <utility>

#include <ATen/Context.h>
#include <lastgood/error.h>
#include <nlohmann/json.hpp>

namespace lastgood {
namespace {

constexpr const char* kType = "SamplerPosition";

Error invalid(const std::string& message) {
  return {ErrorCode::invalid_argument, "sampler position", message};
}

}  // namespace

void SamplerPosition::begin_loop() noexcept {
  replaced_.reset();
  place_.handed_out = 0;
  place_.loop_is_new = true;
}

void SamplerPosition::begin_epoch(std::deque<Batch> order) {
  place_.rest = std::move(order);
  place_.consumed = 0;
  place_.handed_out = 0;
}

/// A copy, since the batch stays in `rest` until it is consumed: a save before that must still have it.
std::optional<SamplerPosition::Batch> SamplerPosition::next() {
  // From here on, an epoch that is over ends the loop and does not begin the next one within it.
  place_.loop_is_new = false;
  if (place_.handed_out == place_.rest.size()) return {};
  return place_.rest[place_.handed_out++];
}

/// The next epoch begins at once, so that a save between two epochs resumes with the new one.
void SamplerPosition::consumed() {
  if (place_.handed_out == 0) {
    throw invalid(
        "More batches were consumed than the loader has handed out. Call consumed() once a batch, and begin a new loop "
        "over the loader after a restore.");
  }
  place_.rest.pop_front();
  --place_.handed_out;
  ++place_.consumed;
  if (!place_.rest.empty()) return;
  ++place_.epoch;
  place_.consumed = 0;
}

std::string SamplerPosition::save_state() const {
  return nlohmann::json{{"type", kType}, {"epoch", place_.epoch}, {"consumed", place_.consumed}, {"rest", place_.rest}}
      .dump();
}

void SamplerPosition::load_state(const std::string& json) {
  Place place;
  try {
    const auto state = nlohmann::json::parse(json);
    if (state.at("type") != kType) throw invalid("The state is that of something else than a SamplerPosition.");
    place.epoch = state.at("epoch").get<std::int64_t>();
    place.consumed = state.at("consumed").get<std::size_t>();
    place.rest = state.at("rest").get<std::deque<Batch>>();
  } catch (const nlohmann::json::exception& error) {
    throw invalid(std::string("The text is not a sampler position's state: ") + error.what());
  }
  const bool is_sound =
      place.epoch >= 0 && std::none_of(place.rest.begin(), place.rest.end(), [](const Batch& b) { return b.empty(); });
  if (!is_sound) throw invalid("The text is not a sampler position's state: its epoch is negative, or a batch empty.");
  const auto is_same = [&](const Place& other) {
    return std::tie(place.epoch, place.consumed, place.rest) == std::tie(other.epoch, other.consumed, other.rest);
  };
  // A restore that failed puts the old state back: with it, the loop that was under way goes on.
  if (replaced_ && is_same(*replaced_)) {
    place_ = std::move(*replaced_);
    replaced_.reset();
  } else {
    replaced_ = std::exchange(place_, std::move(place));
  }
}

/// The CPU's alone: LibTorch's samplers draw from no other.
DefaultGeneratorGuard::DefaultGeneratorGuard() {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard lock(generator.mutex());
  state_ = generator.get_state();
}

DefaultGeneratorGuard::~DefaultGeneratorGuard() {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard lock(generator.mutex());
  generator.set_state(state_);
}

}  // namespace lastgood

// Unlike DataPosition's, this order cannot be drawn again: the generator has moved on by then. So it is a part of the
// state, and in its own object: what does not change within an epoch is stored once, however many checkpoints are made.
#include <lastgood/torch/sampler_position.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include <ATen/Context.h>
#include <lastgood/error.h>
#include <nlohmann/json.hpp>

namespace lastgood {
namespace {

using nlohmann::json;

constexpr const char* kType = "SamplerPosition";

Error invalid(const std::string& message) {
  return {ErrorCode::invalid_argument, "sampler position", message};
}

std::shared_ptr<const SamplerPosition::Order> one_after_another(const std::vector<SamplerPosition::Batch>& batches) {
  auto order = std::make_shared<SamplerPosition::Order>();
  for (const SamplerPosition::Batch& batch : batches) {
    order->indices.insert(order->indices.end(), batch.begin(), batch.end());
    order->batch_sizes.push_back(static_cast<std::int64_t>(batch.size()));
  }
  return order;
}

/// No batch is empty, and together they have the indices and no others.
bool is_sound(const SamplerPosition::Order& order) {
  auto left = static_cast<std::int64_t>(order.indices.size());
  for (const std::int64_t size : order.batch_sizes) {
    if (size < 1 || size > left) return false;
    left -= size;
  }
  return left == 0;
}

}  // namespace

void SamplerPosition::Place::advance(Cursor& cursor) const {
  cursor.index += static_cast<std::size_t>(order->batch_sizes[cursor.batch++]);
}

SamplerPosition::Batch SamplerPosition::Place::batch_at(const Cursor& cursor) const {
  const auto first = order->indices.begin() + static_cast<std::ptrdiff_t>(cursor.index);
  return {first, first + order->batch_sizes[cursor.batch]};
}

std::vector<SamplerPosition::Batch> SamplerPosition::Place::rest() const {
  std::vector<Batch> batches;
  for (Cursor at = done; !has_ended(at); advance(at)) batches.push_back(batch_at(at));
  return batches;
}

void SamplerPosition::begin_loop() noexcept {
  replaced_.reset();
  place_.handed_out = place_.done;
  place_.loop_is_new = true;
}

void SamplerPosition::begin_epoch(const std::vector<Batch>& order) {
  Place place;
  place.epoch = place_.epoch;
  place.order = one_after_another(order);
  place.loop_is_new = place_.loop_is_new;
  place_ = std::move(place);
}

/// A batch counts as handed out, not as consumed: a save before that must still have it.
std::optional<SamplerPosition::Batch> SamplerPosition::next() {
  // From here on, an epoch that is over ends the loop and does not begin the next one within it.
  place_.loop_is_new = false;
  if (place_.has_ended(place_.handed_out)) return {};
  Batch batch = place_.batch_at(place_.handed_out);
  place_.advance(place_.handed_out);
  return batch;
}

/// The next epoch begins at once, so that a save between two epochs resumes with the new one.
void SamplerPosition::consumed() {
  if (place_.handed_out.batch == place_.done.batch) {
    throw invalid(
        "More batches were consumed than the loader has handed out. Call consumed() once a batch, and begin a new loop "
        "over the loader after a restore.");
  }
  place_.advance(place_.done);
  if (!place_.has_ended(place_.done)) return;
  ++place_.epoch;
  // Without an order: the next loop has it drawn.
  begin_epoch({});
}

std::string SamplerPosition::save_state() const {
  return json{{"type", kType}, {"epoch", place_.epoch}, {"consumed", batches()}, {"rest", place_.rest()}}.dump();
}

void SamplerPosition::load_state(const std::string& json) {
  Place place = parse(json, nullptr);
  const auto is_same = [&](const Place& other) {
    return place.epoch == other.epoch && place.before == other.before + other.done.batch &&
           place.rest() == other.rest();
  };
  // A restore that failed puts the old state back: with it, the loop that was under way goes on.
  if (replaced_ && is_same(*replaced_)) {
    place_ = std::move(*replaced_);
    replaced_.reset();
  } else {
    replaced_ = std::exchange(place_, std::move(place));
  }
}

std::pair<std::string, std::shared_ptr<const SamplerPosition::Order>> SamplerPosition::save_parts() const {
  if (place_.is_text) return {save_state(), nullptr};
  return {json{{"type", kType}, {"epoch", place_.epoch}, {"consumed", batches()}}.dump(), place_.order};
}

void SamplerPosition::load_parts(const std::string& json, std::shared_ptr<const Order> order) {
  place_ = parse(json, std::move(order));
  replaced_.reset();
}

/// Without `order` the text must have what is left of it.
SamplerPosition::Place SamplerPosition::parse(const std::string& text, std::shared_ptr<const Order> order) {
  Place place;
  std::size_t consumed = 0;
  try {
    const auto state = json::parse(text);
    if (state.at("type") != kType) throw invalid("The state is that of something else than a SamplerPosition.");
    place.epoch = state.at("epoch").get<std::int64_t>();
    consumed = state.at("consumed").get<std::size_t>();
    place.is_text = order == nullptr;
    place.order = order ? std::move(order) : one_after_another(state.at("rest").get<std::vector<Batch>>());
  } catch (const json::exception& error) {
    throw invalid(std::string("The text is not a sampler position's state: ") + error.what());
  }
  if (place.epoch < 0 || !is_sound(*place.order)) {
    throw invalid("It is not a sampler position's state: its epoch is negative, a batch empty, or an index in none.");
  }
  if (place.is_text) {
    place.before = consumed;
    return place;
  }
  while (place.done.batch < consumed && !place.has_ended(place.done)) place.advance(place.done);
  const bool is_over = consumed > 0 && place.has_ended(place.done);
  if (is_over) throw invalid("As many batches were consumed as the epoch has, or more, and it is not over.");
  place.handed_out = place.done;
  return place;
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

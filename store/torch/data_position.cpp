// The state is five values: all else follows from them. The order of an epoch is drawn anew from seed and epoch
// whenever a loop begins, and cut where the trainer has come to; what the loader has asked for beyond that is
// forgotten, as the batches it prefetched are.
#include <lastgood/torch/data_position.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>

#include <lastgood/error.h>
#include <torch/serialize.h>
#include <nlohmann/json.hpp>

namespace lastgood {
namespace {

Error invalid(const std::string& message) {
  return {ErrorCode::invalid_argument, "data position", message};
}

/// Uniform in [0, bound). The standard's own distributions differ between libraries; the engine does not.
std::uint64_t draw_below(std::mt19937_64& engine, std::uint64_t bound) {
  // A multiple of `bound`, so that below it every remainder is equally likely.
  const std::uint64_t reject_from = std::mt19937_64::max() - std::mt19937_64::max() % bound;
  std::uint64_t value = engine();
  while (value >= reject_from) value = engine();
  return value % bound;
}

/// The permutation of an epoch (Fisher and Yates). Part of the format: an order saved today must come back for good.
void shuffle(std::vector<std::size_t>& order, std::uint64_t seed, std::int64_t epoch) {
  const auto number = static_cast<std::uint64_t>(epoch);
  std::seed_seq seeds{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32)};
  std::mt19937_64 engine(seeds);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draw_below(engine, i)]);
}

}  // namespace

DataPosition::DataPosition(std::size_t examples, const DataOptions& options)
    : size_(examples), drop_last_(options.drop_last) {
  if (examples == 0) throw invalid("A data position needs at least one example; the data set is empty.");
  place_.seed = options.seed;
  place_.shuffle = options.shuffle;
}

/// With drop_last, as soon as less than a batch is left: of the size that was last asked for, which is the loader's.
bool DataPosition::ends_at(std::size_t examples) const noexcept {
  return size_ - examples < (drop_last_ ? batch_size_ : 1);
}

void DataPosition::begin_next_epoch() noexcept {
  ++place_.epoch;
  place_.examples = 0;
}

void DataPosition::begin() {
  // A new loop takes the restored position up; what it replaced is not wanted any more.
  replaced_.reset();
  place_.order.resize(size_);
  std::iota(place_.order.begin(), place_.order.end(), std::size_t{0});
  if (place_.shuffle) shuffle(place_.order, place_.seed, place_.epoch);
  place_.handed_out = place_.examples;
  place_.in_flight.clear();
}

Optional<std::vector<std::size_t>> DataPosition::next(std::size_t batch_size) {
  if (batch_size == 0 || (drop_last_ && batch_size > size_)) {
    throw invalid("A batch of " + std::to_string(batch_size) + " cannot be made of " + std::to_string(size_) +
                  " examples. Choose another batch size, or keep the short batch (drop_last).");
  }
  batch_size_ = batch_size;
  // An iteration that begins with less than a batch, after a change of the batch size, has nothing but a new epoch
  // left.
  const bool untouched = place_.order.empty() || (place_.in_flight.empty() && place_.handed_out == place_.examples);
  if (untouched && ends_at(place_.examples)) {
    begin_next_epoch();
    begin();
  }
  if (place_.order.empty()) begin();
  if (ends_at(place_.handed_out)) return {};
  const std::size_t count = std::min(batch_size, size_ - place_.handed_out);
  const auto first = place_.order.begin() + static_cast<std::ptrdiff_t>(place_.handed_out);
  place_.handed_out += count;
  place_.in_flight.push_back(count);
  return std::vector<std::size_t>(first, first + static_cast<std::ptrdiff_t>(count));
}

void DataPosition::consumed() {
  if (place_.in_flight.empty()) {
    throw invalid(
        "More batches were consumed than the loader has handed out. Call consumed() once a batch, and begin a new loop "
        "over the loader after a restore.");
  }
  place_.examples += place_.in_flight.front();
  place_.in_flight.pop_front();
  if (ends_at(place_.examples)) begin_next_epoch();
}

std::string DataPosition::save_state() const {
  return nlohmann::json{{"type", "DataPosition"},    {"size", size_},         {"seed", place_.seed},
                        {"shuffle", place_.shuffle}, {"epoch", place_.epoch}, {"examples", place_.examples}}
      .dump();
}

void DataPosition::load_state(const std::string& json) {
  Place place = parse(json);
  const auto is_same = [&](const Place& other) {
    return std::tie(place.seed, place.shuffle, place.epoch, place.examples) ==
           std::tie(other.seed, other.shuffle, other.epoch, other.examples);
  };
  // A restore that failed puts the old state back: with it, the iteration that was under way goes on.
  if (replaced_ && is_same(*replaced_)) {
    place_ = std::move(*replaced_);
    replaced_.reset();
  } else {
    replaced_ = std::exchange(place_, std::move(place));
  }
}

DataPosition::Place DataPosition::parse(const std::string& text) const {
  Place place;
  std::size_t size = 0;
  try {
    const auto state = nlohmann::json::parse(text);
    if (state.at("type") != "DataPosition") throw invalid("The state is that of something else than a DataPosition.");
    size = state.at("size").get<std::size_t>();
    place.seed = state.at("seed").get<std::uint64_t>();
    place.shuffle = state.at("shuffle").get<bool>();
    place.epoch = state.at("epoch").get<std::int64_t>();
    place.examples = state.at("examples").get<std::size_t>();
  } catch (const nlohmann::json::exception& error) {
    throw invalid(std::string("The text is not a data position's state: ") + error.what());
  }
  // The order is a permutation of so many: with another number, "the rest of the epoch" means nothing.
  if (size != size_) {
    throw invalid("The data set held " + std::to_string(size) + " examples when the position was saved, and holds " +
                  std::to_string(size_) + " now. Resume with the same data.");
  }
  if (place.epoch < 0 || place.examples >= size_) throw invalid("The position lies outside of the data.");
  return place;
}

ResumableSampler::ResumableSampler(std::shared_ptr<DataPosition> position) : position_(std::move(position)) {
  if (position_ == nullptr) throw invalid("A ResumableSampler needs a position; it was given a null pointer.");
}

void ResumableSampler::reset(Optional<std::size_t> new_size) {
  if (new_size.has_value() && *new_size != position_->size_) {
    throw invalid("A data position is of one size; make a new one for another number of examples.");
  }
  position_->begin();
}

Optional<std::vector<std::size_t>> ResumableSampler::next(std::size_t batch_size) {
  return position_->next(batch_size);
}

void ResumableSampler::save(torch::serialize::OutputArchive& archive) const {
  archive.write("position", c10::IValue(position_->save_state()));
}

void ResumableSampler::load(torch::serialize::InputArchive& archive) {
  c10::IValue state;
  archive.read("position", state);
  position_->load_state(state.toStringRef());
}

}  // namespace lastgood

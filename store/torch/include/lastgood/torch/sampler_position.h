// Where a training loop stands in the order of a sampler of LibTorch's, or of the user's own, exactly, however many
// workers prefetch.
//
//   using torch::data::samplers::RandomSampler;
//   auto position = std::make_shared<lastgood::SamplerPosition>();
//   auto loader = torch::data::make_data_loader(dataset, lastgood::Resumable<RandomSampler>(position, size), options);
//   state.add_data_position("data", *position);
//   while (position->epoch() < 10) {
//     for (auto& batch : *loader) {
//       train(batch);
//       position->consumed();
//     }
//   }
//
// The order of an epoch is drawn from the sampler at once, when the first of its batches is asked for, and is kept: a
// resume hands out just the batches that are left, whatever the sampler draws from, and the epochs after it are those
// of the uninterrupted run. That costs 8 bytes an example in memory and at most that in a store, once an epoch however
// many checkpoints it has; DataPosition costs nothing, and is the better choice where the order need not be LibTorch's
// own.
//
// Nobody needs to take care of when a loader is made: to make a Resumable draws nothing from LibTorch's default
// generator (a plain RandomSampler does), nor does a loop over the rest of an epoch. So generators are right after
// TrainingState::restore(), loader and loop made before it or after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torch/data/samplers/base.h>
#include <torch/serialize/archive.h>

#include <lastgood/error.h>
#include <lastgood/torch/stateful.h>
#include <lastgood/torch/version.h>

namespace lastgood {

struct SamplerOptions {
  /// Set it here and not only in the loader's options, or the epoch never ends: leaves out a last batch that is short.
  bool drop_last = false;
};

/// Epoch, batches consumed, and the epoch's order. Not thread-safe: for the thread that iterates over the loader.
/// `drop_last` is not in the checkpoint: give the same again.
class SamplerPosition : public Stateful {
 public:
  /// Indices; for a sampler that hands out sizes (StreamSampler), the size alone.
  using Batch = std::vector<std::size_t>;
  /// Batches one after another: their indices, and how many of them each has.
  struct Order {
    std::vector<std::int64_t> indices;
    std::vector<std::int64_t> batch_sizes;
  };

  explicit SamplerPosition(const SamplerOptions& options = {}) : options_(options) {}

  /// The trainer is done with the next batch. When it was the epoch's last, the next epoch begins.
  /// Error: invalid_argument when the loader has not handed out that many batches. Call it once a batch, after the
  /// optimizer's step: a save before it hands the batch out again.
  void consumed();

  /// From 0 on; the epoch of the next batch to be consumed.
  std::int64_t epoch() const noexcept { return place_.epoch; }
  /// Batches consumed in this epoch; 0 when it has just begun.
  std::size_t batches() const noexcept { return place_.before + place_.done.batch; }

  /// A JSON object: type, epoch, consumed, rest (the batches that are left, as lists of indices). A TrainingState keeps
  /// the position in less space: see save_parts().
  std::string save_state() const override;
  /// Error: invalid_argument for a text of something else; nothing has changed then. Whether the indices are those of
  /// this data set is not known here. A batch size that is another now counts from the next epoch on.
  void load_state(const std::string& json) override;

  /// For TrainingState alone: the state as a JSON object (type, epoch, consumed) and the whole epoch's order, which
  /// stays one object until the epoch is over. After load_state(), and until then, there is no order: the text has the
  /// rest.
  std::pair<std::string, std::shared_ptr<const Order>> save_parts() const;
  /// The inverse, with load_state()'s errors.
  void load_parts(const std::string& json, std::shared_ptr<const Order> order);

  /// For Resumable alone. A loop begins: at the first batch that is not consumed.
  void begin_loop() noexcept;
  /// Whether the next batch is the first of a new epoch, whose order must be drawn.
  bool needs_order() const noexcept { return place_.loop_is_new && place_.has_ended(place_.done); }
  /// Here it is: all batches of the epoch.
  void begin_epoch(const std::vector<Batch>& order);
  /// Nothing at the end of the epoch.
  std::optional<Batch> next();
  const SamplerOptions& options() const noexcept { return options_; }

 private:
  /// So many batches of an order, and the indices in them.
  struct Cursor {
    std::size_t batch = 0;
    std::size_t index = 0;
  };

  struct Place {
    std::int64_t epoch = 0;
    std::shared_ptr<const Order> order = std::make_shared<Order>();  // of the epoch under way
    std::size_t before = 0;   // batches of the epoch that were consumed before `order` begins
    Cursor done;              // consumed, of `order`
    Cursor handed_out;        // the same or further
    bool loop_is_new = true;  // nothing has been asked for since it began
    bool is_text = false;     // by load_state(): the epoch is saved as it came

    bool has_ended(const Cursor& at) const noexcept { return at.batch == order->batch_sizes.size(); }
    void advance(Cursor& cursor) const;
    Batch batch_at(const Cursor& cursor) const;
    std::vector<Batch> rest() const;
  };

  static Place parse(const std::string& json, std::shared_ptr<const Order> order);

  SamplerOptions options_;
  Place place_;
  std::optional<Place> replaced_;  // by load_state(), until the next loop begins
};

/// Keeps LibTorch's default generator of the CPU as it is, whatever is drawn from it during the guard's life: a copy of
/// its state is put back, under its lock. Draws of other threads meanwhile are undone as well.
class DefaultGeneratorGuard {
 public:
  DefaultGeneratorGuard();
  ~DefaultGeneratorGuard();
  DefaultGeneratorGuard(const DefaultGeneratorGuard&) = delete;
  DefaultGeneratorGuard& operator=(const DefaultGeneratorGuard&) = delete;

 private:
  at::Tensor state_;
};

/// What the loader takes: a sampler of type Inner, made in place from `arguments` (or moved from one), which hands out
/// the rest of the position's epoch. Inner's epochs must end. A distributed sampler is told the position's epoch before
/// each, so that its order changes, as set_epoch() would. What Inner holds beyond the order of an epoch and LibTorch's
/// default generator (an engine of its own) is the user's to register.
///
/// Draws from the default generator once an epoch, when its first batch is asked for, as a loop over the plain sampler
/// does at its beginning.
template <class Inner>
class Resumable : public torch::data::samplers::Sampler<typename Inner::BatchRequestType> {
 public:
  using Request = typename Inner::BatchRequestType;

  /// Error: invalid_argument without a position.
  template <class... Arguments>
  explicit Resumable(std::shared_ptr<SamplerPosition> position, Arguments&&... arguments)
      : Resumable(DefaultGeneratorGuard(), std::move(position), std::forward<Arguments>(arguments)...) {}

  /// A loop begins where the position stands. A new size is for the next epoch. The loader calls it at each begin().
  void reset(Optional<std::size_t> new_size = {}) override {
    if (new_size.has_value()) new_size_ = new_size;
    position_->begin_loop();
  }

  /// Nothing at the end of the epoch. The batch size counts when an epoch's order is drawn.
  Optional<Request> next(std::size_t batch_size) override {
    if (position_->needs_order()) draw_epoch(batch_size);
    std::optional<SamplerPosition::Batch> batch = position_->next();
    if (!batch) return {};
    if constexpr (kHasIndices) {
      return std::move(*batch);
    } else {
      return Request(batch->at(0));
    }
  }

  /// The position's state, for users of LibTorch's archives. Those who save with a TrainingState need neither.
  void save(torch::serialize::OutputArchive& archive) const override {
    archive.write("position", c10::IValue(position_->save_state()));
  }
  void load(torch::serialize::InputArchive& archive) override {
    c10::IValue state;
    archive.read("position", state);
    position_->load_state(state.toStringRef());
  }

 private:
  static constexpr bool kHasIndices = std::is_same_v<Request, std::vector<std::size_t>>;
  static_assert(kHasIndices || std::is_constructible_v<Request, std::size_t>,
                "lastgood::Resumable takes samplers whose batches are indices or sizes");

  template <class... Arguments>
  explicit Resumable(const DefaultGeneratorGuard&, std::shared_ptr<SamplerPosition> position, Arguments&&... arguments)
      : position_(std::move(position)), inner_(std::forward<Arguments>(arguments)...) {
    if (position_ == nullptr) {
      throw Error(ErrorCode::invalid_argument, "sampler position", "A Resumable needs a position; it was given none.");
    }
  }

  /// The whole epoch at once: only so is it known what is left of it, whatever is drawn later.
  void draw_epoch(std::size_t batch_size) {
    if constexpr (requires { inner_.set_epoch(std::size_t{}); }) {
      inner_.set_epoch(static_cast<std::size_t>(position_->epoch()));
    }
    inner_.reset(std::exchange(new_size_, {}));
    std::vector<SamplerPosition::Batch> order;
    while (Optional<Request> request = inner_.next(batch_size)) {
      if (position_->options().drop_last && request->size() < batch_size) break;
      if constexpr (kHasIndices) {
        order.push_back(std::move(*request));
      } else {
        order.push_back({request->size()});
      }
    }
    position_->begin_epoch(order);
  }

  std::shared_ptr<SamplerPosition> position_;
  Inner inner_;
  Optional<std::size_t> new_size_;
};

}  // namespace lastgood

// Where a training loop stands in its data, exactly, however many workers prefetch.
//
//   auto position = std::make_shared<lastgood::DataPosition>(dataset.size().value(), lastgood::DataOptions{.seed = 7});
//   auto loader = torch::data::make_data_loader(dataset, lastgood::ResumableSampler(position),
//                                               torch::data::DataLoaderOptions(32).workers(2));
//   state.add_data_position("data", *position);
//   while (position->epoch() < 10) {
//     for (auto& batch : *loader) {
//       train(batch);
//       position->consumed();
//       if (save_is_due) ...
//     }
//   }
//
// A loader asks its sampler for batches long before they are trained on, and resets it at every begin(). So the
// position counts what the trainer says it has consumed, and the sampler starts each iteration from there: after a
// restore, the rest of the epoch, none twice and none left out. Keep the loader's enforce_ordering on (LibTorch's
// default).
//
// The order of an epoch is a permutation by Fisher and Yates, drawn from std::mt19937_64 seeded with seed and epoch: a
// part of what a checkpoint says, so it never changes. Costs 8 bytes an example in memory while an epoch runs, and a
// few dozen bytes in a checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/data/samplers/base.h>

#include <lastgood/torch/stateful.h>
#include <lastgood/torch/version.h>

namespace lastgood {

/// `drop_last` is not in the checkpoint: give the same again.
struct DataOptions {
  /// With the epoch's number, fixes the order. Comes back with a restore.
  std::uint64_t seed = 0;
  /// Off: the examples in their own order. Comes back with a restore.
  bool shuffle = true;
  /// Set it here and not only in the loader's options, or the epoch never ends: leaves out a last batch that is short.
  bool drop_last = false;
};

/// Epoch and place within it. Not thread-safe: for the thread that iterates over the loader. Draws nothing from any
/// generator: its order is a function of seed and epoch, the same with every LibTorch and on every machine.
class DataPosition : public Stateful {
 public:
  /// Over the examples 0 ... examples - 1. Error: invalid_argument when there are none.
  explicit DataPosition(std::size_t examples, const DataOptions& options = {});

  /// The trainer is done with the next batch. When it was the epoch's last, the next epoch begins.
  /// Error: invalid_argument when the loader has not handed out that many batches. Call it once a batch, after the
  /// optimizer's step: a save before it hands the batch out again.
  void consumed();

  /// From 0 on; the epoch of the next batch to be consumed.
  std::int64_t epoch() const noexcept { return place_.epoch; }
  /// Examples consumed in this epoch; 0 when it has just begun.
  std::size_t examples() const noexcept { return place_.examples; }

  /// A JSON object: type, size, seed, shuffle, epoch, examples.
  std::string save_state() const override;
  /// Error: invalid_argument for another number of examples, or a text of something else. Nothing has changed then.
  /// After it has worked, a loop that is under way must begin anew.
  void load_state(const std::string& json) override;

 private:
  friend class ResumableSampler;
  struct Place {
    std::uint64_t seed = 0;
    bool shuffle = true;
    std::int64_t epoch = 0;
    std::size_t examples = 0;           // consumed
    std::vector<std::size_t> order;     // of the iteration under way
    std::size_t handed_out = 0;         // examples of `order`
    std::deque<std::size_t> in_flight;  // sizes of the batches handed out and not consumed yet
  };

  Place parse(const std::string& text) const;
  void begin();
  Optional<std::vector<std::size_t>> next(std::size_t batch_size);
  bool ends_at(std::size_t examples) const noexcept;
  void begin_next_epoch() noexcept;

  std::size_t size_;
  bool drop_last_;
  std::size_t batch_size_ = 1;  // last asked for
  Place place_;
  std::optional<Place> replaced_;  // by load_state(), until the next iteration begins
};

/// What the loader takes: hands out the rest of the position's epoch. Copies share the position, and keep it alive. For
/// the thread that iterates: a loader asks its sampler on that one, whatever its workers do.
class ResumableSampler : public torch::data::samplers::Sampler<> {
 public:
  /// Error: invalid_argument for a null pointer.
  explicit ResumableSampler(std::shared_ptr<DataPosition> position);

  /// Begins where the position stands. Error: invalid_argument for another size than the position's.
  void reset(Optional<std::size_t> new_size = {}) override;
  /// Nothing at the end of the epoch. Error: invalid_argument for a batch of 0, or with drop_last one of more than all.
  Optional<std::vector<std::size_t>> next(std::size_t batch_size) override;

  /// The position's state, for users of LibTorch's archives. Those who save with a TrainingState need neither.
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

 private:
  std::shared_ptr<DataPosition> position_;
};

}  // namespace lastgood

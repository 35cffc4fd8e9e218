// Lowers the learning rates when a metric has stopped getting better, as LibTorch's ReduceLROnPlateauScheduler does,
// step for step and to the bit, with every LibTorch (1.13 has none). LibTorch's own keeps its state to itself, so it
// cannot be kept; this one can:
//
//   lastgood::ReduceLROnPlateau schedule(optimizer, {.patience = 3});
//   state.add_scheduler("schedule", schedule);
//   ...
//   schedule.step(validation_loss);
//
// The rates are the optimizer's, and come back with its options; the schedule keeps how long the metric has not
// improved.
#pragma once

#include <string>
#include <vector>

#include <torch/optim/optimizer.h>

#include <lastgood/torch/stateful.h>

namespace lastgood {

/// Names, defaults and types (float here, double there) are LibTorch's. Options are not in the checkpoint: give the
/// same again.
struct PlateauOptions {
  enum class Mode { min, max };
  enum class Threshold { relative, absolute };

  Mode mode = Mode::min;
  /// What a rate is multiplied with; below 1.
  float factor = 0.1F;
  /// Steps without an improvement that are let pass.
  int patience = 10;
  /// By how much a metric must be better to count, and of what it is a share.
  double threshold = 1e-4;
  Threshold threshold_mode = Threshold::relative;
  /// Steps after a reduction in which bad metrics do not count.
  int cooldown = 0;
  /// The lowest rate of each parameter group; empty: 0 for all.
  std::vector<float> min_lrs = {};
  /// A rate is left as it is when it would change by no more.
  double eps = 1e-8;
};

/// Refers to the optimizer, which must outlive it. Not thread-safe: for the thread that trains. Parameter groups that
/// are added later are left alone.
class ReduceLROnPlateau : public Stateful {
 public:
  /// Error: invalid_argument for a factor of 1 or more, or another number of lowest rates than of groups.
  explicit ReduceLROnPlateau(torch::optim::Optimizer& optimizer, PlateauOptions options = {});

  /// Once an epoch or whenever the metric was measured. A NaN is never better, and so counts as a bad step.
  void step(float metric);

  /// The rates themselves are options of the optimizer, and kept with it.
  std::string save_state() const override;
  /// Error: invalid_argument for a text of something else, or of a schedule of the other mode. Nothing has changed
  /// then.
  void load_state(const std::string& json) override;

 private:
  struct State {
    float best = 0;
    int bad_steps = 0;
    int cooldown_left = 0;
  };

  bool is_better(float metric) const noexcept;
  void reduce();

  torch::optim::Optimizer& optimizer_;
  PlateauOptions options_;
  State state_;
};

}  // namespace lastgood

// How far a training run has come, as a part of its own state: a restore brings it back with everything else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <lastgood/torch/parts.h>
#include <lastgood/torch/timeout.h>

namespace lastgood::loop {

class Counts : public Stateful {
 public:
  Step step = 0;
  std::int64_t epoch = 0;  // as it was at the time of the capture

  std::string save_state() const override;
  /// Error: invalid_argument for a text of something else.
  void load_state(const std::string& json) override;
};

/// Of the first data position of the state; 0 without one, and for one of the user's own.
std::int64_t epoch_of(const TrainingState& state);

/// Adds them as `training_run`. The state keeps them alive.
std::shared_ptr<Counts> add_counts(TrainingState& state);

/// For verify_restored().
TrainerCounts readers(const std::shared_ptr<Counts>& counts);

}  // namespace lastgood::loop

// A LibTorch trainer with a store of its own, and a recovery over both.
#pragma once

#include <memory>

#include <lastgood/torch/recovery.h>

#include "tests/support/temporary_directory.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {

struct StoredTrainer {
  explicit StoredTrainer(std::uint64_t seed = 5) : trainer(seed) {}

  TemporaryDirectory dir;
  Store store = Store::create(dir / "store");
  std::unique_ptr<Session> session = std::make_unique<Session>(store.start_session("run"));
  Trainer trainer;
  double batch = 4;  // as Trainer::train() loads it

  Knob batch_knob() {
    return {"batch", [this] { return batch; }, [this](double to) { batch = to; }};
  }

  RecoveryTarget target(TrainerKnobs knobs = {}) {
    return recovery_target(store, *session, trainer.state, std::move(knobs));
  }
  AutoRecovery recovery(TrainerKnobs knobs = {}, RecoveryOptions options = {}) {
    return {store, *session, target(std::move(knobs)), std::move(options)};
  }
};

}  // namespace lastgood::test

// A trainer of three numbers, with a store of its own: what a recovery acts on, without tensors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lastgood/load.h>
#include <lastgood/recovery.h>

#include "tests/support/temporary_directory.h"

namespace lastgood::test {

struct SampleTrainer {
  TemporaryDirectory dir;
  Store store = Store::create(dir / "trainer's store");
  std::unique_ptr<Session> session = std::make_unique<Session>(store.start_session("demo"));
  double weight = 0;
  double rate = 1e-3;  // in the checkpoints, as an optimizer's is
  double epsilon = 0.5;
  double batch = 8;
  std::vector<std::string> calls;  // of the functions below, in order
  bool can_skip = true;

  std::vector<TensorView> views() const {
    return {{{Section::model, "weight", DType::float64, {}, {}}, &weight, false, {}},
            {{Section::optimizer, "rate", DType::float64, {}, {}}, &rate, false, {}}};
  }

  CheckpointId save(Step step, Stability stability = Stability::stable) {
    weight = static_cast<double>(step);
    return session->save(views(), {.step = step, .epoch = step / 10, .stability = stability}).value();
  }

  RecoveryTarget target() {
    RecoveryTarget target;
    target.restore = [this](const CheckpointInfo& checkpoint) {
      const TensorSlot slots[] = {{views()[0].spec, &weight}, {views()[1].spec, &rate}};
      load(store, checkpoint.id, slots);
      calls.push_back("restore " + std::to_string(checkpoint.id.value));
    };
    target.save = [this](const SaveRequest& request) {
      calls.emplace_back("save");
      return session->save(views(), request);
    };
    target.learning_rates = {{"rate", [this] { return rate; }, [this](double to) { rate = to; }}};
    target.epsilon = {"epsilon", [this] { return epsilon; }, [this](double to) { epsilon = to; }};
    target.batch_size = {"batch", [this] { return batch; }, [this](double to) { batch = to; }};
    target.skip_batches = [this](Step first, Step last) {
      calls.push_back("skip " + std::to_string(first) + " to " + std::to_string(last));
      return can_skip;
    };
    target.clear_cache = [this] { calls.emplace_back("clear"); };
    return target;
  }

  AutoRecovery recovery(RecoveryOptions options = {}) { return {store, *session, target(), std::move(options)}; }

  /// As a new process of the run: a new session, and knobs as the program sets them at its start.
  void restart() {
    session.reset();
    session = std::make_unique<Session>(store.start_session("demo"));
    weight = 0;
    rate = 1e-3;
    epsilon = 0.5;
    batch = 8;
  }
};

inline StepMetrics healthy(Step step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.overall_health = Health::healthy;
  return metrics;
}

inline StepMetrics with_nan(Step step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.has_nan = true;
  metrics.nan_tensors = {"layer.weight"};
  metrics.errors = {"layer.weight has 3 NaN"};
  metrics.overall_health = Health::critical;
  return metrics;
}

}  // namespace lastgood::test

// The step is the run's own count and not the optimizer's: it is what checkpoints are named by, and it goes back with
// the rest of the state.
#include "loop/torch/counts.h"

#include <lastgood/error.h>
#include <nlohmann/json.hpp>

namespace lastgood::loop {

std::string Counts::save_state() const {
  return nlohmann::json{{"step", step}, {"epoch", epoch}}.dump();
}

void Counts::load_state(const std::string& json) {
  try {
    const auto saved = nlohmann::json::parse(json);
    const auto saved_step = saved.at("step").get<Step>();
    epoch = saved.at("epoch").get<std::int64_t>();
    step = saved_step;
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::invalid_argument, "training_run", "These are no counts of a training run: " + json);
  }
}

std::int64_t epoch_of(const TrainingState& state) {
  for (const auto& [name, position] : parts_of(state).data_positions) {
    if (const auto* data = dynamic_cast<const DataPosition*>(position)) return data->epoch();
    if (const auto* sampler = dynamic_cast<const SamplerPosition*>(position)) return sampler->epoch();
  }
  return 0;
}

// Under a name of its own: a state that has a "training_run" already is refused by add_json().
std::shared_ptr<Counts> add_counts(TrainingState& state) {
  auto counts = std::make_shared<Counts>();
  state.add_json(
      "training_run", [counts] { return counts->save_state(); },
      [counts](const std::string& json) { counts->load_state(json); });
  return counts;
}

TrainerCounts readers(const std::shared_ptr<Counts>& counts) {
  return {.step = [counts] { return counts->step; }, .epoch = [counts] { return counts->epoch; }};
}

}  // namespace lastgood::loop

#include <memory>
#include <string>
#include <utility>

#include <lastgood/error.h>
#include <lastgood/torch/parts.h>
#include <lastgood/torch/recovery.h>

#include "recovery/torch/clear_cache.h"

namespace lastgood {
namespace {

/// What the target's functions share.
struct Trainer {
  Store& store;
  Session& session;
  TrainingState& state;
  TrainerKnobs knobs;
  bool has_widened = false;
};

/// A new process has none either.
void drop_gradients(const TrainingParts& parts) {
  for (const auto& [name, module] : parts.modules) {
    for (const at::Tensor& parameter : module->parameters()) {
      if (parameter.defined()) parameter.mutable_grad().reset();
    }
  }
}

void restore(Trainer& trainer, const CheckpointInfo& checkpoint) {
  trainer.state.restore(trainer.store, checkpoint.id, {.convert_dtypes = trainer.has_widened});
  const TrainingParts parts = parts_of(trainer.state);
  if (!parts.has_gradients) drop_gradients(parts);
}

SaveOutcome save(Trainer& trainer, const SaveRequest& request) {
  try {
    const Capture capture = trainer.state.capture();
    return trainer.session.save(capture.views(), request);
  } catch (const Error& error) {
    SaveOutcome outcome;
    outcome.error = error;
    return outcome;
  }
}

Knob rate_knob(const std::string& optimizer_name, torch::optim::Optimizer& optimizer, std::size_t group) {
  const auto options = [&optimizer, group]() -> torch::optim::OptimizerOptions& {
    return optimizer.param_groups().at(group).options();
  };
  return {optimizer_name + ".param_groups." + std::to_string(group) + ".lr", [options] { return options().get_lr(); },
          [options](double rate) { options().set_lr(rate); }};
}

/// The base rates that were registered, too: a schedule would otherwise bring the old rate back at its next step.
std::vector<Knob> rate_knobs(const TrainingParts& parts, const std::vector<Knob>& base_rates) {
  std::vector<Knob> rates;
  for (const auto& [name, optimizer] : parts.optimizers) {
    for (std::size_t g = 0; g < optimizer->param_groups().size(); ++g) rates.push_back(rate_knob(name, *optimizer, g));
  }
  rates.insert(rates.end(), base_rates.begin(), base_rates.end());
  return rates;
}

/// What there is not enough memory for is as it was: the ladder has other rungs.
bool upgrade(Trainer& trainer) {
  try {
    if (!widen(trainer.state, trainer.knobs.precision)) return false;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::io) throw;
    return false;
  }
  trainer.has_widened = true;
  if (trainer.knobs.widened) trainer.knobs.widened(trainer.knobs.precision);
  return true;
}

bool clip(Trainer& trainer) {
  bool clipped = false;
  for (const auto& [name, module] : parts_of(trainer.state).modules) {
    clipped = clip_spectrum(*module, *trainer.knobs.spectral_limit) || clipped;
  }
  return clipped;
}

bool skip(Trainer& trainer, Step first, Step last) {
  const auto positions = parts_of(trainer.state).data_positions;
  if (positions.size() != 1 || last < first) return false;
  Stateful* const position = positions.front().second;
  const std::int64_t batches = last - first + 1;
  if (auto* sampler = dynamic_cast<SamplerPosition*>(position)) return skip_batches(*sampler, batches);
  auto* const data = dynamic_cast<DataPosition*>(position);
  if (data == nullptr || !trainer.knobs.batch_size.read) return false;
  skip_batches(*data, batches, static_cast<std::int64_t>(trainer.knobs.batch_size.read()));
  return true;
}

}  // namespace

RecoveryTarget recovery_target(Store& store, Session& session, TrainingState& state, TrainerKnobs knobs) {
  const auto trainer = std::make_shared<Trainer>(Trainer{store, session, state, std::move(knobs)});
  RecoveryTarget target;
  target.restore = [trainer](const CheckpointInfo& checkpoint) { restore(*trainer, checkpoint); };
  target.save = [trainer](const SaveRequest& request) { return save(*trainer, request); };
  target.learning_rates = rate_knobs(parts_of(state), trainer->knobs.base_rates);
  target.epsilon = trainer->knobs.epsilon;
  target.batch_size = trainer->knobs.batch_size;
  target.upgrade_precision = [trainer] { return upgrade(*trainer); };
  if (trainer->knobs.spectral_limit) target.clip_spectrum = [trainer] { return clip(*trainer); };
  target.skip_batches = [trainer](Step first, Step last) { return skip(*trainer, first, last); };
  target.clear_cache = recovery::clear_cache;
  target.state_version = [trainer] { return state_version(trainer->state); };
  return target;
}

}  // namespace lastgood

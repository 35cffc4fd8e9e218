// Saves are synchronous: an emergency save that is still in memory when the machine goes is none.
#include <memory>
#include <utility>
#include <vector>

#include <lastgood/error.h>
#include <lastgood/torch/parts.h>
#include <lastgood/torch/timeout.h>

namespace lastgood {
namespace {

/// What the target's functions share.
struct Trainer {
  Store& store;
  Session& session;
  TrainingState& state;
  TrainerCounts counts;
};

SaveOutcome save(const Trainer& trainer, const SaveRequest& request, bool model_only) {
  try {
    const Capture capture = trainer.state.capture();
    std::vector<TensorView> views(capture.views().begin(), capture.views().end());
    if (model_only) std::erase_if(views, [](const TensorView& view) { return view.spec.section != Section::model; });
    return trainer.session.save(views, request);
  } catch (const Error& error) {
    SaveOutcome outcome;
    outcome.error = error;
    return outcome;
  }
}

Place place_of(const TrainingState& state) {
  for (const auto& [name, module] : parts_of(state).modules) {
    for (const at::Tensor& parameter : module->parameters()) {
      if (parameter.defined()) return {.device = parameter.device().str()};
    }
  }
  return {};
}

}  // namespace

TimeoutTarget timeout_target(Store& store, Session& session, TrainingState& state, TrainerCounts counts) {
  const auto trainer = std::make_shared<const Trainer>(Trainer{store, session, state, std::move(counts)});
  TimeoutTarget target;
  target.restore = [trainer](const CheckpointInfo& checkpoint) {
    trainer->state.restore(trainer->store, checkpoint.id);
  };
  target.verify = [trainer](const CheckpointInfo& checkpoint) {
    verify_restored(trainer->store, trainer->state, checkpoint, trainer->counts);
  };
  target.save = [trainer](const SaveRequest& request) { return save(*trainer, request, false); };
  target.save_reduced = [trainer](const SaveRequest& request) { return save(*trainer, request, true); };
  target.place = place_of(state);
  return target;
}

}  // namespace lastgood

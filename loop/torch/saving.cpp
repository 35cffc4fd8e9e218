// Saves of a training run. A regular one is asynchronous: the trainer is held for the copy alone. None that fails is
// fatal, and the next one is tried as if nothing had been.
#include <utility>

#include <lastgood/error.h>

#include "loop/torch/impl.h"

namespace lastgood {
namespace {

/// A warning makes no state a place to roll back to; a resume may take it all the same. What is not finite nobody
/// takes.
Stability stability_for(Health health) {
  switch (health) {
    case Health::healthy: return Stability::stable;
    case Health::critical: return Stability::unstable;
    default: return Stability::unknown;
  }
}

}  // namespace

/// The scan is of the very state that is to be saved: a verdict on an earlier one would not speak for it.
std::optional<Stability> TrainingRun::Impl::verdict() {
  if (latest.step != counts->step || latest.scanned != StepPhase::after_optimizer) {
    latest = monitor.scan_before_save(watched.model(), watched.optimizers(), counts->step);
  }
  if (latest.overall_health == Health::critical) {
    if (const auto failure = recovery.detect_failure(latest)) {
      recover(*failure);
      return std::nullopt;
    }
  }
  return stability_for(latest.overall_health);
}

SaveRequest TrainingRun::Impl::request(CheckpointKind kind, Stability stability) {
  return {.step = counts->step, .epoch = epoch(), .kind = kind, .stability = stability, .metrics = metrics};
}

void TrainingRun::Impl::save() {
  save_is_due = true;
  take_in(false);
  if (pending) return;
  const auto stability = verdict();
  if (!stability) return;
  save_is_due = false;
  const SaveRequest wanted = request(CheckpointKind::regular, *stability);
  const BootTime taken = machine.now();
  try {
    const Capture capture = state.capture();
    pending = Pending{session.save_async(capture.views(), wanted), wanted.step, *stability, taken};
  } catch (const Error& error) {
    tell("no checkpoint of step " + std::to_string(wanted.step) + ": " + error.what());
  }
}

void TrainingRun::Impl::take_in(bool wait) {
  if (!pending || (!wait && !pending->handle.done())) return;
  Pending ended = std::move(*pending);
  pending.reset();
  note_saved(ended.handle.wait_durable(), ended.step, ended.stability, ended.taken);
}

void TrainingRun::Impl::note_saved(const SaveOutcome& outcome, Step step, Stability stability, BootTime taken) {
  if (!outcome.ok()) {
    tell("no checkpoint of step " + std::to_string(step) + ": " + outcome.error->what());
    return;
  }
  saved = step;
  timeout.note_checkpoint(*outcome.checkpoint, step, taken);
  recovery.note_saved(*outcome.checkpoint, step, stability);
}

void TrainingRun::Impl::save_now() {
  take_in(true);
  const auto stability = verdict();
  if (!stability) return;
  const SaveRequest wanted = request(CheckpointKind::regular, *stability);
  const BootTime taken = machine.now();
  note_saved(target.save(wanted), wanted.step, *stability, taken);
}

/// Waits for the save under way first: it may be of this very step, and then is all that is needed.
void TrainingRun::Impl::save_emergency() {
  take_in(true);
  const auto stability = verdict();
  if (!stability) return;
  const EmergencySave result = timeout.save_emergency_checkpoint(counts->step, epoch(), metrics, *stability);
  if (result.error) tell("the emergency save of step " + std::to_string(counts->step) + ": " + result.error->what());
  if (!result.ok()) return;
  save_is_due = false;
  saved = counts->step;
  // What is older goes with the next regular one: there may be no time for it now.
  if (!result.was_durable) monitor.note_checkpoint(*result.checkpoint, counts->step, *stability);
}

}  // namespace lastgood

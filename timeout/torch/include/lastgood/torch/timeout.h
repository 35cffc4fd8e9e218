// Time limits for a LibTorch trainer: what a TimeoutHandler acts on, filled in from a TrainingState.
//
//   lastgood::TimeoutHandler timeout(store, session, lastgood::timeout_target(store, session, state));
//   auto from = timeout.auto_resume();
//   lastgood::Step step = from ? from->step : 0;
//   ...
//   auto time = timeout.check_timeout(step);
//   if (time.should_save) timeout.save_emergency_checkpoint(step, epoch, {{"loss", loss.item<double>()}});
//   if (time.should_stop) break;
//
// For the thread that trains.
#pragma once

#include <cstdint>
#include <functional>

#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/timeout.h>
#include <lastgood/torch.h>

namespace lastgood {

/// Where the trainer stands by counts of its own that the state brings back (a value of add_json()). An empty one is
/// not compared.
struct TrainerCounts {
  std::function<Step()> step = {};
  std::function<std::int64_t()> epoch = {};
};

/// Everything that it refers to must outlive it. Functions may be replaced afterwards: a trainer with a recovery takes
/// restore and skip_batches of its recovery_target(), which also restore what was saved before an upgrade of the
/// precision.
///   restore: the whole state, all or nothing.
///   verify: verify_restored().
///   save: synchronous; a state that cannot be captured is a failed save.
///   save_reduced: parameters and buffers alone, without optimizers, schedules, generators and the rest.
///   place: the device of the first parameter; one process.
TimeoutTarget timeout_target(Store& store, Session& session, TrainingState& state, TrainerCounts counts = {});

/// Compares the state as it is now with what the checkpoint holds of optimizers, schedules, generators, data positions
/// and extra values, to the bit, and the trainer's counts with the checkpoint's step and epoch. Parameters and buffers
/// were checked byte by byte as they were loaded. What was saved in a narrower type is compared as converted to the
/// one of here. Reads those entries a second time. Errors: internal, by the name of the first that differs; those of
/// load_to_host() and of TrainingState::capture().
void verify_restored(const Store& store, const TrainingState& state, const CheckpointInfo& checkpoint,
                     const TrainerCounts& counts = {});

}  // namespace lastgood

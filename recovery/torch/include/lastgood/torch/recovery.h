// Recovery for a LibTorch trainer: what AutoRecovery acts on, filled in from a TrainingState.
//
//   lastgood::StabilityMonitor monitor({.check_interval = 10});
//   lastgood::AutoRecovery recovery(store, session, lastgood::recovery_target(store, session, state));
//   recovery.watch(&monitor);
//   recovery.resume();
//   ...
//   auto metrics = monitor.check_step(model, loss, optimizer, step);
//   if (auto failure = recovery.detect_failure(metrics)) {
//     auto result = recovery.recover(*failure, step, epoch);
//     if (!result.success) return lastgood::kHaltedExitStatus;
//     step = result.step;   // goes on from there, with a new loop over the loader
//   } else if (step % 100 == 0) {
//     bool is_stable = lastgood::stability_of(monitor.scan_before_save(model, optimizer, step)) == Stability::stable;
//     recovery.save_checkpoint(step, epoch, {{"loss", loss.item<double>()}}, is_stable);
//   }
//
// Batch size and learning rate. Halving the batch leaves the rates as they are: a step is noisier then, and if it is
// too bold, its divergence cuts the rate by a ladder of its own. Goyal et al. (2017, arXiv:1706.02677, section 2.1)
// scale the rate of SGD in proportion to the batch; for Adam it is by the square root (Malladi et al. 2022,
// arXiv:2205.10287). Who wants the former gives the ladder {"reduce_batch_size", "reduce_lr_10x"}, with an lr_factor of
// 0.5. A trainer that keeps its examples a step, by adding up the gradients of more batches, needs neither.
//
// For the thread that trains.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <vector>

#include <lastgood/recovery.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/torch.h>
#include <torch/nn/module.h>
#include <torch/types.h>

namespace lastgood {

/// What a TrainingState does not tell.
struct TrainerKnobs {
  /// Base rates of schedules that set a group's rate from a rate of their own (a warm-up, a cosine), and would put the
  /// old one back. They must be in the schedule's saved state. StepLR and ReduceLROnPlateau multiply the group's rate:
  /// they need none.
  std::vector<Knob> base_rates = {};
  Knob epsilon = {};
  /// Examples a batch, for the loader that the trainer makes next.
  Knob batch_size = {};
  /// What upgrade_precision converts to, see widen().
  at::ScalarType precision = at::kDouble;
  /// Told after a conversion, for inputs and tensors that the state does not know.
  std::function<void(at::ScalarType)> widened = {};
  /// The largest singular value that clip_spectrum leaves in a weight; without it, nothing is clipped.
  std::optional<double> spectral_limit = {};
};

/// Everything that it refers to must outlive it. Functions may be replaced afterwards.
///   restore: the whole state, all or nothing, converted where it was saved before an upgrade of the precision.
///     Gradients that the state does not keep are dropped: they are of the branch that is left.
///   save: synchronous; a state that cannot be captured is a failed save.
///   learning_rates: `OPTIMIZER.param_groups.N.lr` for each group that an optimizer has by now, and the base rates.
///   upgrade_precision, clip_spectrum: of the state's modules and optimizers. Not enough memory: false.
///   skip_batches: one batch a step, over the state's one DataPosition (with a batch_size knob) or SamplerPosition
///     (within its epoch). A trainer that adds up several batches a step has a function of its own.
///   clear_cache: of the accelerator's allocator.
///   state_version: of modules, buffers and optimizers, and of gradients that the state keeps.
RecoveryTarget recovery_target(Store& store, Session& session, TrainingState& state, TrainerKnobs knobs = {});

/// True for the ways in which LibTorch and the standard library say that memory was lacking; for `oom`.
bool is_out_of_memory(const std::exception& error) noexcept;

/// Clips the singular values of every weight with two dimensions that wants a gradient: U min(S, limit) V*, computed in
/// double or complex128, written in place. A value is above the limit when it is so beyond rounding,
/// limit (1 + max(rows, columns) epsilon of the type). Weights that are not finite are left. False when none was above.
/// Error: invalid_argument for a limit that is not positive.
bool clip_spectrum(torch::nn::Module& module, double limit);

/// Moves the position on by that many batches, of that size, over the ends of epochs. The next loop over the loader
/// begins there. Error: invalid_argument for a size of 0 or less.
void skip_batches(DataPosition& position, std::int64_t batches, std::int64_t batch_size);
/// The same. False, and nothing was skipped, when the epoch's order is not known that far.
bool skip_batches(SamplerPosition& position, std::int64_t batches);

}  // namespace lastgood

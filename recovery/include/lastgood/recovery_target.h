// What a recovery acts on: a trainer, as a handful of functions. No tensors here; an adapter or the user fills them in.
// Everything that the functions refer to must outlive the AutoRecovery that holds them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/save.h>

namespace lastgood {

/// A number that training depends on and that a recovery may change. `read` gives the value that is in force now. Names
/// are in the catalog: a resume finds the knob by it, so it must be the same in the next process.
struct Knob {
  std::string name = {};  // of its own among those of a target
  std::function<double()> read = {};
  std::function<void(double)> write = {};
};

/// Everything but `restore` may be left out: an action without its function is passed over. Functions are called on the
/// thread that calls the recovery; what they throw passes on.
struct RecoveryTarget {
  /// Brings a checkpoint back, or throws and leaves everything as it was. In a rollback, Error(corruption) and
  /// Error(not_found) lead to an older one; anything else passes on.
  std::function<void(const CheckpointInfo&)> restore = {};
  /// Saves the state as it is.
  std::function<SaveOutcome(const SaveRequest&)> save = {};

  /// One for each parameter group, and for each base rate that a schedule puts back.
  std::vector<Knob> learning_rates = {};
  /// A regulariser of the model's, such as the imaginary shift of a resolvent.
  Knob epsilon = {};
  /// Examples a batch.
  Knob batch_size = {};
  /// Converts the model, its optimizer and inputs to a wider type; false when they have it already.
  std::function<bool()> upgrade_precision = {};
  /// Clips the singular values of weights; false when none was above the limit.
  std::function<bool()> clip_spectrum = {};
  /// Moves the data on, past the batches of the steps `first` to `last`; false when it cannot.
  std::function<bool(Step first, Step last)> skip_batches = {};
  /// Gives memory that is cached back to the device.
  std::function<void()> clear_cache = {};
  /// Another number after every write to the state, however small; asked after every step. So a lack of memory in the
  /// middle of an optimizer's step is told from one before it: what was interrupted is not saved but rolled back.
  std::function<std::uint64_t()> state_version = {};
};

}  // namespace lastgood

// What a time limit acts on: a trainer, as a handful of functions. No tensors here; an adapter or the user fills them
// in.
//
// Owned by the handler, by value; what the functions refer to must outlive it.
#pragma once

#include <functional>
#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/save.h>

namespace lastgood {

/// Where a training runs, as far as its state depends on it. Recorded with each session. A resume compares it with that
/// of the checkpoint's session: of the device only its kind, so that "cuda:1" goes on from "cuda:0".
struct Place {
  std::string device = {};  // "cpu", "cuda:0"; empty: not told
  int world_size = 1;       // processes that train together
  bool operator==(const Place&) const = default;
};

/// Functions are called on the thread that calls the handler; what they throw passes on. An empty one is left out.
struct TimeoutTarget {
  /// Brings a checkpoint back, or throws and leaves everything as it was. Needed for a resume.
  std::function<void(const CheckpointInfo&)> restore = {};
  /// Looks at what was restored: step, epoch, generators, optimizer state. Throws where it is not the checkpoint's. A
  /// difference is a fault in `restore`, and ends the resume: no older checkpoint is tried.
  std::function<void(const CheckpointInfo&)> verify = {};
  /// Saves the whole state, durable on return. Needed for emergency saves.
  std::function<SaveOutcome(const SaveRequest&)> save = {};
  /// Saves what matters most, the model first, where the time may not do for everything. The request's metadata marks
  /// it as reduced; `save` follows in any case.
  std::function<SaveOutcome(const SaveRequest&)> save_reduced = {};
  /// Moves the data on, past the batches of the steps `first` to `last`; false when it cannot.
  std::function<bool(Step first, Step last)> skip_batches = {};

  Place place = {};
};

}  // namespace lastgood

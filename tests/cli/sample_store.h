// A small store, made with the library: the same history every time.
#pragma once

#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/save.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

#include "tests/support/temporary_directory.h"

namespace lastgood::test {

/// Saves a state of two tensors and a JSON value: `frozen.weight` is the same in every checkpoint, `layer.weight` is
/// made from `seed`. REQUIREs that it succeeds.
CheckpointId save_sample(Session& session, const SaveRequest& request, unsigned seed);

/// A directory with a store in it. Nothing has it open between calls.
class SampleStore {
 public:
  SampleStore();

  const std::filesystem::path& path() const noexcept { return path_; }
  Store open() const { return Store::open(path_); }

  /// Adds `steps` checkpoints of steps 25, 50, ... to the run, in one completed session. The seed is the step.
  void train(const std::string& run, int steps) const;

  /// Flips a byte within the payload of the newest checkpoint's layer.weight.
  void damage_newest() const;

  /// The names and contents of all files under the store, but for what only holds locks or SQLite's shared memory.
  std::string contents() const;

 private:
  TemporaryDirectory directory_;
  std::filesystem::path path_;
};

/// Ids 1 to 3 (steps 25, 50, 75) in a session of run "demo" that was completed, 1 and 2 stable, 3 unstable; then the
/// head goes back to 2 and a second session, interrupted, saves 4 (step 75) and 5 (step 100, an emergency). 2 is tagged
/// "best", 1 is pinned.
class BranchedStore : public SampleStore {
 public:
  BranchedStore();
};

}  // namespace lastgood::test

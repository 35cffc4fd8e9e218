// A store with a run that had trouble, for `lastgood watch`.
#pragma once

#include "tests/cli/sample_store.h"

namespace lastgood::test {

/// Run "demo": session 1 saves step 25, stable, with a loss of 2, meets a NaN at step 30 and saves it, unstable; it is
/// rolled back and goes on to step 35. Its end was known to be at noon of 2100-01-01, by slurm. `session` is open as
/// long as the store lives, where that is asked for.
class WatchedStore : public SampleStore {
 public:
  explicit WatchedStore(bool stays_open = false);

 private:
  std::unique_ptr<Store> store_;
  std::unique_ptr<Session> session_;
};

}  // namespace lastgood::test

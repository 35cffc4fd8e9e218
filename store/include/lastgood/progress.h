// Progress of a long operation, and the way to stop it: loads, verify, collections, rebuild, exports and imports.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace lastgood {

/// Bytes never go down within a phase. A total is counted beforehand: where others change the store meanwhile, it may
/// be missed by a little.
struct Progress {
  /// "load", "check", "verify", "scan": valid during the call. One word, for people; an operation may have several, one
  /// after the other.
  std::string_view phase;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0 while unknown
};

/// Called now and then, from one thread at a time. Returning false asks the operation to stop at the next safe point:
/// it then throws Error(cancelled), and the store is as sound as before. It must not throw. The thread need not be the
/// one that began the operation, and the others may wait for the call to return: be quick, and call nothing of the
/// store.
using ProgressFn = std::function<bool(const Progress&)>;

}  // namespace lastgood

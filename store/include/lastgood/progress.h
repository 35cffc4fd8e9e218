// Progress of a long operation, and the way to stop it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace lastgood {

struct Progress {
  std::string_view phase;  // "verify", "copy", "scan": valid during the call
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0 while unknown
};

/// Called now and then, from one thread at a time. Returning false asks the operation to stop at the next safe point:
/// it then throws Error(cancelled), and the store is as sound as before. It must not throw.
using ProgressFn = std::function<bool(const Progress&)>;

}  // namespace lastgood

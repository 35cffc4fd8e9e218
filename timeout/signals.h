// Signals by which a batch system, an orchestrator or a person asks a process to end. Their handler sets a flag and
// calls the handler that was there before; the training thread asks for the flag.
//
// One process-wide state, shared by all watches that are alive at a time; it begins anew with the first of them.
//   - A signal that is ignored, as SIGINT is in a background job of a shell, stays ignored.
//   - The second SIGINT ends the process as if nobody had caught it: a save that hangs can be left.
//   - A child after fork that has not replaced the handlers dies of the signal as it would have without them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lastgood/timeout_machine.h>

namespace lastgood::timeout {

struct Notice {
  int signal = 0;
  BootTime at = {};  // when it came, not when somebody looked
  bool operator==(const Notice&) const = default;
};

class SignalWatch {
 public:
  /// Any of SIGTERM, SIGINT, SIGUSR1, SIGUSR2. Errors: invalid_argument for another one.
  explicit SignalWatch(const std::vector<int>& signals);
  /// The last one puts back what was there before, where nobody has installed anything since.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The first SIGTERM or SIGINT, which want the process to end. An atomic load, as the next one.
  std::optional<Notice> stop() const noexcept;
  /// The first SIGUSR1 or SIGUSR2, which tell that an end is near.
  std::optional<Notice> warning() const noexcept;
};

/// "SIGTERM"
std::string signal_name(int signal);

}  // namespace lastgood::timeout

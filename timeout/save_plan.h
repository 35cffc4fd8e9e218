// When an emergency save is due.
//
// The first one when the time left has come down to the threshold. The end may come early, so saves go on: each next
// one when half of what was left at the checkpoint before has passed, but not sooner than a reserve after it, for a
// checkpoint that is fresher than a save takes is not saved again; regular checkpoints count as much as emergency ones.
// The last one when the reserve is all that is left: what is trained after that is lost. From 30 minutes and a reserve
// of 10 seconds that is eight saves. A signal makes one due at once.
#pragma once

#include <chrono>
#include <optional>

#include <lastgood/timeout_machine.h>

namespace lastgood::timeout {

struct Outlook {
  BootTime end = BootTime::max();  // max(): none is known
  std::chrono::nanoseconds threshold{0};
  std::chrono::nanoseconds reserve{0};
  std::optional<BootTime> called = {};  // a signal came
};

/// max(): there is none to come. `saved`: when the newest checkpoint's state was the current one.
BootTime next_save(const Outlook& outlook, std::optional<BootTime> saved);

/// Whether what is trained from here on is lost.
bool is_over(const Outlook& outlook, std::optional<BootTime> saved, BootTime now);

}  // namespace lastgood::timeout

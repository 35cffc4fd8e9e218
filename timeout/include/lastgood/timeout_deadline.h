// A deadline source: one reason for which a session may end, and what it knows of when.
//
// To add one of your own: derive from DeadlineSource, and hand it over in TimeoutOptions::sources. The handler owns its
// sources, asks all of them, and goes by the earliest end.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <lastgood/timeout_machine.h>

namespace lastgood {

/// What a source knows. All of it is shown to people, and goes into the store's event of the session's end.
struct Deadline {
  BootTime at = {};
  std::string source = {};  // "slurm"
  std::string why = {};     // for people: "SLURM ends job 4711 then"
};

/// Asked by one thread at a time, though not always the same one. One without an interval is asked in the handler's
/// constructor, which waits for it; the others by a thread of the handler's that takes no signal, so no training step
/// waits however long ask() takes. The handler's end does wait for an ask() under way.
class DeadlineSource {
 public:
  virtual ~DeadlineSource() = default;

  /// Short, the same at every call.
  virtual std::string name() const = 0;

  /// The end as far as it is known now; nothing where it knows of none. Throws Error where it cannot tell: what it said
  /// before then stands, and it is asked again.
  virtual std::optional<Deadline> ask() = 0;

  /// How often to ask; nothing: what it says the first time holds for good.
  virtual std::optional<std::chrono::nanoseconds> interval() const { return std::nullopt; }
};

}  // namespace lastgood

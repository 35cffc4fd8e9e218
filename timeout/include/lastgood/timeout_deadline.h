// A deadline source: one reason for which a session may end, and what it knows of when.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <lastgood/timeout_machine.h>

namespace lastgood {

struct Deadline {
  BootTime at = {};
  std::string source = {};  // "slurm"
  std::string why = {};     // for people: "SLURM ends job 4711 then"
};

/// Asked by one thread at a time, though not always the same one.
class DeadlineSource {
 public:
  virtual ~DeadlineSource() = default;

  virtual std::string name() const = 0;

  /// The end as far as it is known now; nothing where it knows of none. Throws Error where it cannot tell: what it said
  /// before then stands, and it is asked again.
  virtual std::optional<Deadline> ask() = 0;

  /// How often to ask; nothing: what it says the first time holds for good.
  virtual std::optional<std::chrono::nanoseconds> interval() const { return std::nullopt; }
};

}  // namespace lastgood

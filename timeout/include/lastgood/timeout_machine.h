// What time limits are read from: clocks, the environment, files, commands, the network. One seam for all of them, so
// that each rule can be tried without the machine that it is for.
//
// For tests and for whoever reads limits elsewhere: TimeoutOptions::machine names another one, which must outlive the
// handler and its sources.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lastgood {

/// Time since the machine was booted, as CLOCK_BOOTTIME tells it: nobody can set it, and it goes on while the machine
/// is suspended, as the limits of platforms do (CLOCK_MONOTONIC stands still then). The kernel's own times of
/// processes are on the same scale.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): every clock calls it so
  static time_point now() noexcept;
};
using BootTime = BootClock::time_point;

/// To a metadata service, which is on the machine itself or beside it.
struct HttpRequest {
  std::string url;
  bool put = false;                       // else GET
  std::vector<std::string> headers = {};  // "Metadata: true"
};

/// Any status is a reply and no error: a 404 is how some services say that there is nothing to tell.
struct HttpReply {
  long status = 0;
  std::string body;
};

/// Safe from any thread. run() and fetch() block for as long as said: a source that uses them again and again is asked
/// by a thread of its own.
class Machine {
 public:
  virtual ~Machine() = default;

  virtual BootTime now() const noexcept = 0;
  /// Jumps when somebody sets it: to be asked once, where a platform tells its end by it.
  virtual std::chrono::system_clock::time_point wall_clock() const noexcept = 0;

  /// As the process has it; nothing where it is not set, an empty text where it is set to nothing.
  virtual std::optional<std::string> environment(const std::string& name) const = 0;
  /// The first 64 KiB; nothing where there is no such file. Errors: permission, io. Does not wait for the writer of a
  /// pipe under that name.
  virtual std::optional<std::string> read_file(const std::filesystem::path& path) const = 0;
  /// What the command writes to its standard output, up to 64 KiB. No shell is involved. Killed after `limit`.
  /// Errors: not_found (no such command), deadline_exceeded, io (its exit status was not 0). Standard input is empty,
  /// standard error that of this process.
  virtual std::string run(const std::vector<std::string>& command, std::chrono::milliseconds limit) const = 0;
  /// One request, without proxy or redirection, within two seconds. Errors: io. Its body takes 64 KiB at most; a longer
  /// one is an error.
  virtual HttpReply fetch(const HttpRequest& request) const = 0;
};

/// The real one. Without state; lives as long as the process.
const Machine& this_machine() noexcept;

}  // namespace lastgood

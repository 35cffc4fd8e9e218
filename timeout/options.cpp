// Bounds are wide: they keep out what can only be a mistake (a NaN fails every comparison, and so is refused), not what
// is merely unusual.
#include "timeout/options.h"

#include <signal.h>

#include <cmath>
#include <iterator>
#include <utility>

#include <lastgood/error.h>

#include "timeout/platform.h"

namespace lastgood {
namespace {

constexpr double kColabHours = 12;  // the free tier's; Pro: 24
constexpr double kMostHours = 24 * 365;

void require(bool sound, const char* option, const char* what) {
  if (!sound) throw Error(ErrorCode::invalid_argument, option, std::string("TimeoutOptions::") + option + ": " + what);
}

}  // namespace

std::vector<int> TimeoutOptions::default_signals() {
  return {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
}

namespace timeout {

void check_options(const TimeoutOptions& options) {
  const auto within = [](double value, double least, double most) { return value >= least && value <= most; };
  if (options.session_duration_hours) {
    require(*options.session_duration_hours > 0 && *options.session_duration_hours <= kMostHours,
            "session_duration_hours", "must be above zero, and a year at most");
  }
  require(within(options.warning_threshold_minutes, 0, kMostHours * 60), "warning_threshold_minutes",
          "must not be negative");
  require(within(options.check_interval_seconds, 1, 3600), "check_interval_seconds", "must be 1 to 3600");
  require(within(options.signal_grace_seconds, 0, 86400), "signal_grace_seconds", "must be 0 to 86400");
  require(within(options.drain_seconds, 0, 86400), "drain_seconds", "must be 0 to 86400");
  require(options.machine != nullptr, "machine", "must not be null");
  require(options.resume.crash_loop_sessions >= 2, "resume.crash_loop_sessions", "one crash is no loop: 2 at least");
  require(options.resume.proven_after >= 0, "resume.proven_after", "must not be negative");
}

std::chrono::nanoseconds from_seconds(double seconds) noexcept {
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}
std::chrono::nanoseconds from_minutes(double minutes) noexcept {
  return from_seconds(minutes * 60);
}
std::chrono::nanoseconds from_hours(double hours) noexcept {
  return from_seconds(hours * 3600);
}

DeadlineSources all_sources(const Machine& machine, TimeoutOptions& options, BootTime start) {
  const Interval interval = from_seconds(options.check_interval_seconds);
  DeadlineSources sources;
  sources.push_back(slurm_limit(machine));
  if (machine.environment("LSB_JOBID")) sources.push_back(lsf_limit(machine, interval));
  sources.push_back(pbs_limit(machine));
  sources.push_back(kaggle_limit(machine));
  sources.push_back(colab_limit(machine, from_hours(options.session_duration_hours.value_or(kColabHours))));
  if (options.session_duration_hours && !is_colab(machine)) {
    sources.push_back(duration_limit(start, from_hours(*options.session_duration_hours)));
  }
  std::move(options.sources.begin(), options.sources.end(), std::back_inserter(sources));
  options.sources.clear();
  return sources;
}

}  // namespace timeout
}  // namespace lastgood

// proc(5): "starttime" counts clock ticks since the boot, suspended time included, which is the scale of BootClock.
#include "timeout/processes.h"

#include <unistd.h>

#include <sstream>
#include <vector>

#include "timeout/times.h"

namespace lastgood::timeout {
namespace {

// Fields of /proc/<pid>/stat, counted from 0 after the name in parentheses, which may itself hold anything: proc(5).
constexpr std::size_t kSession = 3, kStartTime = 19;

std::optional<std::int64_t> stat_field(const Machine& machine, const std::string& process, std::size_t field) {
  const auto text = machine.read_file("/proc/" + process + "/stat");
  if (!text) return std::nullopt;
  const auto name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text->substr(name_end + 1));
  std::string word;
  for (std::size_t i = 0; i <= field; ++i) rest >> word;
  return rest ? parse_count(word) : std::nullopt;
}

}  // namespace

std::optional<BootTime> process_start(const Machine& machine, const std::string& process) {
  const auto ticks = stat_field(machine, process, kStartTime);
  if (!ticks) return std::nullopt;
  const std::int64_t per_second = sysconf(_SC_CLK_TCK);
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return BootTime(
      std::chrono::nanoseconds(*ticks / per_second * kNanoseconds + *ticks % per_second * (kNanoseconds / per_second)));
}

std::optional<BootTime> session_leader_start(const Machine& machine) {
  const auto leader = stat_field(machine, "self", kSession);
  return leader ? process_start(machine, std::to_string(*leader)) : std::nullopt;
}

}  // namespace lastgood::timeout

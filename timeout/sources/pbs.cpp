// PBS: Torque tells a job its walltime in the environment, PBS does not, so qstat is asked. When the job began, neither
// tells in a form that can be relied on; the kernel knows it of the job's shell.
//
// The job's shell leads the session, and a job's walltime begins with it.
#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/processes.h"
#include "timeout/times.h"

namespace lastgood {
namespace {

constexpr std::chrono::seconds kPatience{30};

class PbsLimit final : public DeadlineSource {
 public:
  explicit PbsLimit(const Machine& machine) : machine_(machine) {}

  std::string name() const override { return "pbs"; }
  std::optional<Deadline> ask() override {
    const auto job = machine_.environment("PBS_JOBID");
    if (!job) return std::nullopt;
    const auto length = walltime(*job);
    if (!length) return std::nullopt;
    auto start = timeout::session_leader_start(machine_);
    if (!start) start = timeout::process_start(machine_, "self");  // the shell is gone
    return Deadline{start.value_or(machine_.now()) + *length, name(), "PBS ends job " + *job + " then"};
  }

 private:
  std::optional<std::chrono::seconds> walltime(const std::string& job) const {
    if (const auto seconds = machine_.environment("PBS_WALLTIME")) return parse("PBS_WALLTIME", *seconds);
    const std::string text = machine_.run({"qstat", "-f", job}, kPatience);
    constexpr std::string_view kKey = "Resource_List.walltime = ";
    const auto found = text.find(kKey);
    if (found == std::string::npos) return std::nullopt;
    const auto begin = found + kKey.size();
    return parse("qstat", text.substr(begin, text.find('\n', begin) - begin));
  }

  static std::chrono::seconds parse(const std::string& from, const std::string& text) {
    const auto length = timeout::parse_clock(timeout::trimmed(text));
    if (!length) throw Error(ErrorCode::invalid_argument, from, from + " tells no walltime: '" + text + "'");
    return *length;
  }

  const Machine& machine_;
};

}  // namespace

std::unique_ptr<DeadlineSource> pbs_limit(const Machine& machine) {
  return std::make_unique<PbsLimit>(machine);
}

}  // namespace lastgood

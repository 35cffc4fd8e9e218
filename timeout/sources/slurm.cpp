// SLURM: the job's end stands in its environment. The signal that `--signal` sends beforehand is the signals' affair.
//
// A job that is extended later is not noticed: its environment keeps the end that it began with.
#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/times.h"

namespace lastgood {
namespace {

class SlurmLimit final : public DeadlineSource {
 public:
  explicit SlurmLimit(const Machine& machine) : machine_(machine) {}

  std::string name() const override { return "slurm"; }
  std::optional<Deadline> ask() override {
    const auto text = machine_.environment("SLURM_JOB_END_TIME");
    if (!text) return std::nullopt;  // a job without a limit, or SLURM before 22.05
    const auto end = timeout::parse_count(*text);
    if (!end || *end > 7'000'000'000) {  // the year 2191
      throw Error(ErrorCode::invalid_argument, "SLURM_JOB_END_TIME", "SLURM_JOB_END_TIME is no time: '" + *text + "'");
    }
    const std::string job = machine_.environment("SLURM_JOB_ID").value_or("");
    return Deadline{timeout::boot_time(machine_, timeout::WallTime(std::chrono::seconds(*end))), name(),
                    "SLURM ends job " + job + " then"};
  }

 private:
  const Machine& machine_;
};

}  // namespace

std::unique_ptr<DeadlineSource> slurm_limit(const Machine& machine) {
  return std::make_unique<SlurmLimit>(machine);
}

}  // namespace lastgood

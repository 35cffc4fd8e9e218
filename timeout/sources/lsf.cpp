// LSF: the environment names the job and nothing of its end, so bjobs is asked.
//
// The time left is counted from before the question: the answer may have been slow, and must not lengthen the job.
#include <algorithm>

#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/times.h"

namespace lastgood {
namespace {

constexpr std::chrono::seconds kPatience{30};  // mbatchd may be slow to answer

/// "1:30 L": hours and minutes, and whether it is a limit (L) or an estimate (E, of which nothing dies). "-": none.
std::optional<std::chrono::minutes> minutes_left(std::string_view text) {
  if (text.empty() || text == "-" || text.ends_with('E')) return std::nullopt;
  const auto number = timeout::trimmed(text.substr(0, text.find_first_of(" LX")));
  const auto left = timeout::parse_clock(number);
  if (!left || std::count(number.begin(), number.end(), ':') > 1) {
    throw Error(ErrorCode::invalid_argument, "bjobs", "bjobs tells no time left: '" + std::string(text) + "'");
  }
  return std::chrono::minutes(left->count());  // H:MM, where parse_clock() read M:SS
}

class LsfLimit final : public DeadlineSource {
 public:
  LsfLimit(const Machine& machine, Interval interval) : machine_(machine), interval_(interval) {}

  std::string name() const override { return "lsf"; }
  std::optional<Interval> interval() const override { return interval_; }
  std::optional<Deadline> ask() override {
    const auto job = machine_.environment("LSB_JOBID");
    if (!job) return std::nullopt;
    const BootTime before = machine_.now();
    const std::string text = machine_.run({"bjobs", "-noheader", "-o", "time_left", job_name(*job)}, kPatience);
    const auto left = minutes_left(timeout::trimmed(text));
    if (!left) return std::nullopt;
    return Deadline{before + *left, name(), "LSF ends job " + *job + " then"};
  }

 private:
  std::string job_name(const std::string& job) const {
    const auto element = machine_.environment("LSB_JOBINDEX");
    return element && *element != "0" ? job + "[" + *element + "]" : job;
  }

  const Machine& machine_;
  Interval interval_;
};

}  // namespace

std::unique_ptr<DeadlineSource> lsf_limit(const Machine& machine, Interval interval) {
  return std::make_unique<LsfLimit>(machine, interval);
}

}  // namespace lastgood

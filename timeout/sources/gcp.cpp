// Google Cloud: a flag in the metadata is raised when a spot or preemptible machine is taken back; 30 seconds are left.
//
// The flag never falls again, and the end counts from when it was seen, up to an interval after it was raised.
#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/times.h"

namespace lastgood {
namespace {

constexpr std::chrono::seconds kAsk{5};
constexpr std::chrono::seconds kNotice{30};

class GcpPreemption final : public DeadlineSource {
 public:
  GcpPreemption(const Machine& machine, std::string base) : machine_(machine), base_(std::move(base)) {}

  std::string name() const override { return "gcp_preemption"; }
  std::optional<Interval> interval() const override { return kAsk; }
  std::optional<Deadline> ask() override {
    if (told_) return told_;
    const HttpReply reply =
        machine_.fetch({base_ + "/computeMetadata/v1/instance/preempted", false, {"Metadata-Flavor: Google"}});
    const auto answer = timeout::trimmed(reply.body);
    if (reply.status != 200 || (answer != "TRUE" && answer != "FALSE")) {
      throw Error(ErrorCode::io, base_,
                  "the metadata service at " + base_ + " answered " + std::to_string(reply.status) + " '" +
                      std::string(answer.substr(0, 80)) + "'");
    }
    if (answer == "TRUE") told_ = Deadline{machine_.now() + kNotice, name(), "Google Cloud stops the machine then"};
    return told_;
  }

 private:
  const Machine& machine_;
  std::string base_;
  std::optional<Deadline> told_;
};

}  // namespace

std::unique_ptr<DeadlineSource> gcp_preemption(const Machine& machine, std::string base) {
  return std::make_unique<GcpPreemption>(machine, std::move(base));
}

}  // namespace lastgood

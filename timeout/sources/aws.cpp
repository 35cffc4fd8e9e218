// AWS: a spot instance is told two minutes before it is taken. By IMDSv2: a token first, then the notice.
//
// A token holds for six hours (21,600 s, the most that IMDSv2 gives) and is renewed when the service refuses it.
#include <algorithm>

#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/json.h"
#include "timeout/times.h"

namespace lastgood {
namespace {

constexpr std::chrono::seconds kAsk{5};  // as AWS recommends
constexpr std::chrono::seconds kNotice{120};

class AwsSpotNotice final : public DeadlineSource {
 public:
  AwsSpotNotice(const Machine& machine, std::string base) : machine_(machine), base_(std::move(base)) {}

  std::string name() const override { return "aws_spot"; }
  std::optional<Interval> interval() const override { return kAsk; }
  std::optional<Deadline> ask() override {
    if (told_) return told_;  // AWS takes no notice back
    HttpReply reply = notice();
    if (reply.status == 401) {  // the token has expired
      token_.clear();
      reply = notice();
    }
    if (reply.status == 404) return std::nullopt;
    if (reply.status != 200) fail(reply.status);
    told_ = read(reply.body);
    return told_;
  }

 private:
  [[noreturn]] void fail(long status) const {
    throw Error(ErrorCode::io, base_, "the metadata service at " + base_ + " answered " + std::to_string(status));
  }

  HttpReply notice() {
    if (token_.empty()) {
      const HttpReply reply =
          machine_.fetch({base_ + "/latest/api/token", true, {"X-aws-ec2-metadata-token-ttl-seconds: 21600"}});
      if (reply.status != 200) fail(reply.status);
      token_ = reply.body;
    }
    return machine_.fetch(
        {base_ + "/latest/meta-data/spot/instance-action", false, {"X-aws-ec2-metadata-token: " + token_}});
  }

  /// A notice that cannot be read is one nevertheless.
  Deadline read(const std::string& body) const {
    const auto document = timeout::parse_json(body);
    const std::string action = timeout::text_at(document, "action");
    const auto time = timeout::parse_iso_time(timeout::text_at(document, "time"));
    const BootTime now = machine_.now();
    BootTime end = now + kNotice;
    if (action == "hibernate") end = now;  // which begins at once
    // A wall clock that is wrong must neither lengthen the notice nor turn it into none.
    else if (time)
      end = std::clamp(timeout::boot_time(machine_, *time), now, end);
    return {end, name(), "AWS takes the spot instance back then (" + (action.empty() ? "unread notice" : action) + ")"};
  }

  const Machine& machine_;
  std::string base_;
  std::string token_;
  std::optional<Deadline> told_;
};

}  // namespace

std::unique_ptr<DeadlineSource> aws_spot_notice(const Machine& machine, std::string base) {
  return std::make_unique<AwsSpotNotice>(machine, std::move(base));
}

}  // namespace lastgood

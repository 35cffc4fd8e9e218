// An end that the user names.
//
// Known from the start, so it is asked once and never wrong, as far as the user is right.
#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

namespace lastgood {
namespace {

class DurationLimit final : public DeadlineSource {
 public:
  DurationLimit(BootTime start, std::chrono::nanoseconds length) : end_(start + length) {}

  std::string name() const override { return "duration"; }
  std::optional<Deadline> ask() override { return Deadline{end_, name(), "the time that was set is up then"}; }

 private:
  BootTime end_;
};

}  // namespace

std::unique_ptr<DeadlineSource> duration_limit(BootTime start, std::chrono::nanoseconds length) {
  if (length <= std::chrono::nanoseconds::zero()) {
    throw Error(ErrorCode::invalid_argument, "session_duration_hours", "the length of a session must be above zero");
  }
  return std::make_unique<DurationLimit>(start, length);
}

}  // namespace lastgood

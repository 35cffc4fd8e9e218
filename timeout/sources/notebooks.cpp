// Colab and Kaggle: so many hours, and no notice.
//
// Neither platform tells its end, so both are reckoned from when the machine or the container began; timeout/README.md
// has what the hours rest on.
#include <lastgood/error.h>
#include <lastgood/timeout_sources.h>

#include "timeout/platform.h"
#include "timeout/processes.h"

namespace lastgood {
namespace {

constexpr std::chrono::hours kKaggle{12}, kKaggleAccelerated{9};

class ColabLimit final : public DeadlineSource {
 public:
  ColabLimit(const Machine& machine, std::chrono::nanoseconds length) : machine_(machine), length_(length) {}

  std::string name() const override { return "colab"; }
  std::optional<Deadline> ask() override {
    if (!timeout::is_colab(machine_)) return std::nullopt;
    BootTime start{};
    // No Colab machine is older than its session may be: the uptime is that of a host, so the container's age counts.
    if (machine_.now() - start > length_) start = timeout::process_start(machine_, "1").value_or(start);
    return Deadline{start + length_, name(), "Colab takes the machine back then"};
  }

 private:
  const Machine& machine_;
  std::chrono::nanoseconds length_;
};

class KaggleLimit final : public DeadlineSource {
 public:
  explicit KaggleLimit(const Machine& machine) : machine_(machine) {}

  std::string name() const override { return "kaggle"; }
  std::optional<Deadline> ask() override {
    if (!timeout::is_kaggle(machine_)) return std::nullopt;
    const bool accelerated = machine_.read_file("/proc/driver/nvidia/version").has_value() ||
                             machine_.environment("TPU_ACCELERATOR_TYPE").has_value();
    return Deadline{timeout::session_start(machine_) + (accelerated ? kKaggleAccelerated : kKaggle), name(),
                    "Kaggle ends the notebook then"};
  }

 private:
  const Machine& machine_;
};

}  // namespace

std::unique_ptr<DeadlineSource> colab_limit(const Machine& machine, std::chrono::nanoseconds length) {
  if (length <= std::chrono::nanoseconds::zero()) {
    throw Error(ErrorCode::invalid_argument, "session_duration_hours", "the length of a session must be above zero");
  }
  return std::make_unique<ColabLimit>(machine, length);
}

std::unique_ptr<DeadlineSource> kaggle_limit(const Machine& machine) {
  return std::make_unique<KaggleLimit>(machine);
}

}  // namespace lastgood

// Quantiles and not means: the reserve is for the save that must not fail, which is not an average one.
#include "timeout/reserve.h"

#include "timeout/quantile.h"

namespace lastgood::timeout {
namespace {

constexpr double kSafety = 1.5;
constexpr double kSlowSaves = 0.95, kSlowBandwidths = 0.05;
constexpr std::size_t kFewestSaves = 3;
constexpr std::uint64_t kFewestBytes = 1024 * 1024;

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

double seconds(const SaveCost& cost) {
  return std::chrono::duration<double>(cost.durable).count();
}

}  // namespace

// A save may have written little, where most of the state was there already, and still tells of the time that hashing
// took: so times go by the state's size, and only bandwidths by what was written.
std::optional<std::chrono::nanoseconds> save_time(std::span<const SaveCost> costs, std::uint64_t bytes) {
  std::vector<double> times, bandwidths;
  for (const SaveCost& cost : costs) {
    if (!cost.checkpoint) continue;
    if (cost.bytes_logical >= bytes / 2 && cost.bytes_logical / 2 <= bytes) times.push_back(seconds(cost));
    if (cost.bytes_new >= kFewestBytes && cost.durable.count() > 0) {
      bandwidths.push_back(static_cast<double>(cost.bytes_new) / seconds(cost));
    }
  }
  if (times.size() >= kFewestSaves) return nanoseconds(quantile(std::move(times), kSlowSaves));
  if (bandwidths.empty()) return std::nullopt;
  return nanoseconds(static_cast<double>(bytes) / quantile(std::move(bandwidths), kSlowBandwidths));
}

std::chrono::nanoseconds reserve(std::optional<std::chrono::nanoseconds> save, std::chrono::nanoseconds step,
                                 std::chrono::nanoseconds drain) {
  const auto for_save = save.value_or(std::chrono::nanoseconds::zero());
  return nanoseconds(kSafety * std::chrono::duration<double>(for_save).count()) + step + drain;
}

}  // namespace lastgood::timeout

// The health of a run at a glance: 24 numbers, as the reference names them. A snapshot, plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/ids.h>
#include <lastgood/telemetry.h>

namespace lastgood {

/// Where the loss goes: the mean of the newest 10 losses beside that of the 10 before them. Below 0.95 times it
/// improves, above 1.05 times it degrades; changes of losses that are not positive count relative to their size.
enum class LossTrend : std::uint8_t { insufficient_data, improving, stable, degrading };
const char* to_string(LossTrend trend) noexcept;

/// Steps at which each failure was seen.
struct FailureCounts {
  std::uint64_t nan = 0;
  std::uint64_t inf = 0;
  std::uint64_t gradient_explosion = 0;
  std::uint64_t loss_divergence = 0;
  std::uint64_t oom = 0;
  bool operator==(const FailureCounts&) const = default;
};

/// Statistics are of the finite values within the gradient or loss window; nothing where there are none.
struct HealthDashboard {
  std::optional<Step> current_step;
  std::optional<Step> last_stable_step;  // of the checkpoint below
  std::optional<Step> steps_since_stable;
  std::uint64_t nan_count = 0;  // these five: since the start, or since reset_failure_counts()
  std::uint64_t inf_count = 0;
  std::uint64_t gradient_explosion_count = 0;
  std::uint64_t loss_divergence_count = 0;
  std::uint64_t oom_count = 0;
  std::optional<double> current_gradient_norm;
  std::optional<double> gradient_norm_mean;
  std::optional<double> gradient_norm_std;  // of the population
  std::optional<double> gradient_norm_median;
  std::optional<double> gradient_norm_max;
  std::optional<double> gradient_norm_min;
  std::optional<double> current_loss;
  std::optional<double> loss_mean;
  std::optional<double> loss_std;
  std::optional<double> loss_median;
  LossTrend loss_trend = LossTrend::insufficient_data;
  std::map<std::string, std::vector<double>> condition_numbers_history;  // oldest first
  std::optional<double> max_condition_number;                            // of the history
  std::map<std::string, std::vector<std::pair<double, double>>> schatten_norms_history;
  /// The newest verdict that is one, of the last check_interval steps: a scan speaks for the steps up to the next.
  Health overall_health = Health::unchecked;
  /// 100 is best: clamp(100 - 20 nan - 20 inf - 5 explosions - 5 divergences - 10 oom - min(10 std/mean of the gradient
  /// norms, 20), 0, 100), the last term from 10 norms on. Counts those of `recent`, so that it recovers as the run
  /// does.
  double health_score = 100;

  FailureCounts recent;                                // within the larger of both windows
  std::optional<CheckpointId> last_stable_checkpoint;  // the newest that was told as stable

  /// A JSON object with the 24 keys from `current_step` to `health_score`, in this order. What there is none of
  /// is null; a number that is not finite is "nan", "inf" or "-inf".
  std::string to_json() const;
};

}  // namespace lastgood

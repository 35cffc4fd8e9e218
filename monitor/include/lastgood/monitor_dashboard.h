// The health of a run at a glance: 24 numbers, as the reference names them. A snapshot, plain values: safe to copy and
// to read from any thread.
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
/// `insufficient_data` with fewer than 20 losses in the window.
enum class LossTrend : std::uint8_t { insufficient_data, improving, stable, degrading };
const char* to_string(LossTrend trend) noexcept;

/// Steps at which each failure was seen. A step that shows one in both of its phases counts once; `oom` counts
/// allocations.
struct FailureCounts {
  std::uint64_t nan = 0;
  std::uint64_t inf = 0;
  std::uint64_t gradient_explosion = 0;
  std::uint64_t loss_divergence = 0;
  std::uint64_t oom = 0;
  bool operator==(const FailureCounts&) const = default;
};

/// Statistics are of the finite values within the gradient or loss window; nothing where there are none. Outliers are
/// among them, though later norms are not judged by those. Norms are L2, over all gradients; losses as they were told.
struct HealthDashboard {
  /// The newest that was observed.
  std::optional<Step> current_step;
  std::optional<Step> last_stable_step;  // of the checkpoint below
  std::optional<Step> steps_since_stable;
  /// These five count steps (the last one: allocations) since the start, or since reset_failure_counts().
  /// restore_history() sets them to those within the window.
  std::uint64_t nan_count = 0;
  std::uint64_t inf_count = 0;
  std::uint64_t gradient_explosion_count = 0;
  std::uint64_t loss_divergence_count = 0;
  std::uint64_t oom_count = 0;
  /// As observed, finite or not; the statistics below are of finite ones.
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
  /// By means, not medians: for people, as the reference has it. Divergence is judged otherwise.
  LossTrend loss_trend = LossTrend::insufficient_data;
  /// Oldest first. By matrix, within the larger of both windows; infinite for a singular one, NaN where it could not be
  /// computed.
  std::map<std::string, std::vector<double>> condition_numbers_history;
  /// Of the history; infinite with a singular matrix, while a NaN does not count.
  std::optional<double> max_condition_number;
  /// S1 and S2, likewise.
  std::map<std::string, std::vector<std::pair<double, double>>> schatten_norms_history;
  /// The newest verdict that is one, of the last check_interval steps: a scan speaks for the steps up to the next.
  Health overall_health = Health::unchecked;
  /// 100 is best: clamp(100 - 20 nan - 20 inf - 5 explosions - 5 divergences - 10 oom - min(10 std/mean of the gradient
  /// norms, 20), 0, 100), the last term from 10 norms on. Counts those of `recent`, so that it recovers as the run
  /// does.
  double health_score = 100;

  /// Within the larger of both windows. What the score is made of: steps of the branch that is trained on now.
  FailureCounts recent;
  std::optional<CheckpointId> last_stable_checkpoint;  // the newest that was told as stable

  /// A JSON object with the 24 keys from `current_step` to `health_score`, in this order. What there is none of
  /// is null; a number that is not finite is "nan", "inf" or "-inf".
  std::string to_json() const;
};

}  // namespace lastgood

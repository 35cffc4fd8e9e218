// What the monitor is told of one step, and its verdict on it. Plain values, without tensors: whoever can measure a
// model (an adapter, another trainer) fills them in. They own what they hold; copying is safe from any thread. Names
// and thresholds that are not ours are those of the reference.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/ids.h>
#include <lastgood/telemetry.h>

namespace lastgood {

/// What a scanned tensor is to the training. The monitor treats them alike, but for gradients, which an overflow of the
/// loss scale excuses.
enum class TensorKind : std::uint8_t { parameter, gradient, buffer, optimizer_state, activation };
const char* to_string(TensorKind kind) noexcept;

/// One tensor, as a scan found it.
struct ScannedTensor {
  std::string name = {};  // fully qualified; a gradient's is that of its parameter with ".grad" behind it
  TensorKind kind = TensorKind::parameter;
  std::uint64_t nan = 0;  // elements that are NaN
  std::uint64_t inf = 0;  // elements that are infinite, of either sign
  double norm = 0;        // L2, in double
};

/// One look at all tensors that are watched, in the order in which the model uses them: the first one that went bad is
/// told first. A scan without tensors has looked at nothing, and counts as none.
struct TensorScan {
  std::vector<ScannedTensor> tensors = {};
};

/// Where the eigenvalues of a square matrix lie: moduli and real parts of the spectrum. No threshold judges them; one
/// that is NaN is a failure to compute.
struct EigenvalueStats {
  double largest_modulus = 0;
  double smallest_modulus = 0;
  double spectral_radius = 0;           // of the matrix as an operator: the largest modulus
  double share_positive_real_part = 0;  // of all eigenvalues, 0 to 1
};

/// Numerical stability of the matrices and operators that are watched, by name. An infinite condition number belongs to
/// a singular matrix; a NaN, and whatever is listed in `failures`, could not be computed: a warning, never healthy. Sn
/// is the Schatten n-norm: S1 the sum of the singular values (the nuclear norm), S2 the root of the sum of their
/// squares (the Frobenius norm). A matrix need not be in all of the maps.
struct NumericalStability {
  std::map<std::string, double> condition_numbers = {};                  // largest by smallest singular value
  std::map<std::string, std::pair<double, double>> schatten_norms = {};  // S1, S2
  std::map<std::string, EigenvalueStats> eigenvalue_stats = {};
  std::map<std::string, std::string> failures = {};  // name to why
};

/// On which side of the optimizer's step an observation stands. Before it, damage has not reached the weights yet.
enum class StepPhase : std::uint8_t { before_optimizer, after_optimizer };

/// One observation. A step may be observed before the optimizer's step and once more after it; both make one verdict. A
/// scalar that the first phase told is not judged again in the second.
struct StepObservation {
  Step step = 0;
  std::optional<double> loss = {};
  std::optional<double> gradient_norm = {};  // L2 over all gradients, unscaled
  std::optional<double> learning_rate = {};
  /// Of the state in `phase`: only a scan after the optimizer's step speaks for a checkpoint.
  std::optional<TensorScan> scan = {};
  /// Not a scan: it makes no step healthy, but may make one a warning.
  std::optional<NumericalStability> stability = {};
  /// Mixed precision's scaler met non-finite gradients and skips the step: routine, and no failure of the gradients,
  /// unless it goes on for more than 20 steps in a row.
  bool loss_scale_overflow = false;
  StepPhase phase = StepPhase::after_optimizer;
};

/// The verdict on one step. First the reference's fields, then ours. Of both phases, once the second was observed.
/// Optional numbers are nothing where they were not observed.
struct StepMetrics {
  /// Of the scalars and the scanned tensors, in either phase; what an overflow excused is not among them.
  bool has_nan = false;
  bool has_inf = false;
  std::vector<std::string> nan_tensors;  // "loss" and "gradient_norm" among them
  std::vector<std::string> inf_tensors;
  std::optional<double> gradient_norm;
  /// Of the norms that this one was judged by. Nothing before the first norm that joined the window.
  std::optional<double> gradient_median;
  bool gradient_explosion = false;
  std::optional<double> current_loss;
  bool loss_divergence = false;
  /// Smoothed, over the loss window; negative: it fell. From the median of the window's oldest losses to that of its
  /// newest, 5 to 10 at each end; for losses near zero, relative to four times their noise. 0 with fewer than ten
  /// losses.
  double loss_increase_pct = 0;
  /// As the observation told them, also those that are no alarm.
  std::map<std::string, double> condition_numbers;
  std::map<std::string, std::pair<double, double>> schatten_norms;
  std::map<std::string, EigenvalueStats> eigenvalue_stats;
  /// Critical: something is not finite. Warning: any other alarm. Healthy: a scan found nothing, nor did the scalars.
  /// Unchecked: no scan, and nothing in the scalars.
  Health overall_health = Health::unchecked;
  /// Messages for people; each stands there once, however often it was seen in this step.
  std::vector<std::string> warnings;
  std::vector<std::string> errors;
  std::int64_t timestamp = 0;  // milliseconds since 1970, UTC

  Step step = 0;
  bool loss_scale_overflow = false;
  /// A norm of 0, or below vanishing_threshold times the median.
  bool gradient_vanishing = false;
  bool loss_stagnation = false;        // told, but no fault: plateaus are a part of training
  bool condition_number_high = false;  // above the threshold that was configured
  bool schatten_norm_high = false;
  std::optional<StepPhase> scanned;  // the latest scan of this step
};

/// What the verdict says of a checkpoint of that very state. Unknown unless it was scanned after the optimizer's step.
/// Unstable after a warning or worse, scanned or not.
Stability stability_of(const StepMetrics& metrics) noexcept;

/// A way out of a failure. Names are those of recovery.h's actions, but for `continue`, which asks for nothing.
struct Suggestion {
  std::string action;  // rollback_checkpoint, reduce_lr_10x, increase_epsilon, upgrade_precision or continue
  std::string reason;
};

}  // namespace lastgood

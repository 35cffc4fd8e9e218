// The monitor: judges the health of a training run from plain numbers.
//
//   lastgood::HealthMonitor monitor;
//   monitor.bind(session);
//   ...
//   lastgood::StepMetrics metrics = monitor.observe({.step = step, .loss = loss, .gradient_norm = norm});
//   if (metrics.overall_health == lastgood::Health::critical) ...
//
// Loss and gradient norm are told at every step; windows count steps. A scan of the tensors is asked for every
// `check_interval` steps (scan_is_due()); a step without one is unchecked, never healthy. What is not finite, or is an
// outlier, never joins the numbers that later steps are judged by.
//
// One thread at a time: the one that trains. Nothing is written but through a bound session, which buffers; so
// observe() waits for no disk, and a crash may take the newest observations. What each detector finds and misses,
// measured, is in monitor/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/monitor_dashboard.h>
#include <lastgood/monitor_step.h>
#include <lastgood/telemetry.h>

namespace lastgood {

class Session;
class Store;

/// How a gradient norm is taken for an explosion; monitor/README.md has what each finds and misses.
/// Either needs 10 norms in the window before it judges, and only ever looks upwards.
enum class ExplosionDetector : std::uint8_t {
  median_ratio,  // above gradient_explosion_threshold times the median
  log_mad,       // its logarithm lies more than explosion_mad_k robust standard deviations above the median's
};

/// Thresholds are strict: a value that equals one does not trip it. First the reference's options, then ours. All that
/// counts as a window is in steps, and without the steps whose value was refused.
struct MonitorOptions {
  Step check_interval = 10;                    // steps from scan to scan
  Step gradient_window = 100;                  // steps
  Step loss_window = 100;                      // steps, at least 20
  double gradient_explosion_threshold = 10.0;  // times the median
  double loss_divergence_threshold = 0.5;      // share that the loss may rise by within its window
  /// Largest by smallest singular value.
  double condition_number_threshold = 1e6;
  double schatten_threshold = 100.0;  // for S1 and S2 each

  ExplosionDetector explosion_detector = ExplosionDetector::median_ratio;
  double explosion_mad_k = 4.0;       // one false alarm in 30,000 steps if logarithms of norms are normal
  double vanishing_threshold = 1e-3;  // times the median; a norm of 0 has always vanished
  Step stagnation_steps = 1000;       // without a better loss until that is told; 0: never
};

/// Told once when a failure begins, not again before it has ended. `suggestion` is an action of Suggestion. Called on
/// the thread that observes, after the event was recorded; what it throws passes out of observe().
using AlertFn = std::function<void(Severity severity, const std::string& message, const std::string& suggestion)>;

/// Movable; one that was moved from may only be destroyed or assigned to. A bound session and what the alert refers to
/// must outlive it, or be unbound.
class HealthMonitor {
 public:
  /// Error: invalid_argument for a window, interval or threshold that makes no sense.
  explicit HealthMonitor(MonitorOptions options = {});
  HealthMonitor(HealthMonitor&&) noexcept;
  HealthMonitor& operator=(HealthMonitor&&) noexcept;
  ~HealthMonitor();

  /// As given; they do not change.
  const MonitorOptions& options() const noexcept;

  /// Judges a step. A step that was observed already is completed by its second phase or by a late scan; any other step
  /// that does not go forward means that the training went back: what came from that step on is forgotten.
  /// Error: invalid_argument for a negative step. Takes time in proportion to the windows and to the tensors of the
  /// scan.
  StepMetrics observe(const StepObservation& observation);

  /// True if `check_interval` steps have passed since the last scan, or none was seen. Also after the training went
  /// back behind it.
  bool scan_is_due(Step step) const noexcept;

  /// What to do about a step, most urgent first; never empty, `continue` alone where nothing is wrong.
  std::vector<Suggestion> suggest_recovery(const StepMetrics& metrics) const;

  /// A snapshot of the windows and counts as they are now.
  HealthDashboard get_health_dashboard() const;

  /// A JSON object: gradient_norms, losses, condition_numbers_history, failure_counts, dashboard. See to_json().
  std::string export_metrics() const;
  /// The same into a file, which is replaced as a whole or not at all. Errors: permission, no_space, io. Durable on
  /// return, with a line break at the end. The folder must exist.
  void export_metrics(const std::filesystem::path& path) const;

  /// An allocation failed at the current step. Counts each time it is called, and is told as an alarm each time.
  void count_oom();
  /// Sets the five counts, and those within the window, back to 0.
  void reset_failure_counts();
  /// A checkpoint was written, or judged: the stable ones are where last_stable_step comes from. Not written anywhere:
  /// the store has its own verdict, from the save or set_stability().
  void note_checkpoint(CheckpointId checkpoint, Step step, Stability stability);
  /// Starts the windows afresh: after a change on purpose (batch size, data, loss function) that moves norms and
  /// losses.
  void forget_history();

  /// In place of the one before; an empty one for none.
  void on_alert(AlertFn alert);

  /// Every observation and alarm from now on is recorded there. REQUIRES: the session stays where it is, until
  /// unbind().
  void bind(Session& session);
  void unbind() noexcept;

  /// Replaces windows and counts with what the store has of the run: `leading_to` the checkpoint that the training goes
  /// on from, after a restart or a rollback; else of its newest branch. What an abandoned branch did judges no more.
  /// Totals start at the counts within the window. Errors: those of list_observations(). Where it throws, the monitor
  /// is as it was. Alarms of the past are not told again; condition numbers and Schatten norms are not in the store,
  /// and their history begins anew.
  void restore_history(const Store& store, const std::string& run, std::optional<CheckpointId> leading_to = {});

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lastgood

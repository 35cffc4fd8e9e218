// What a HealthMonitor holds, and the way of an observation through it:
//
// 1. begin_step() opens a new step, or keeps the one that is being completed; a step back forgets what came after.
// 2. judge() asks the detectors, whose findings become alarms.
// 3. take_up() enters them in the step's metrics and in the counts.
// 4. tell() records the observation, and the alarms that are new.
//
// For one thread, as the monitor itself.
#pragma once

#include <lastgood/monitor.h>
#include <lastgood/session.h>

#include "monitor/alarms.h"
#include "monitor/failure_log.h"
#include "monitor/scalar_judge.h"

namespace lastgood {

struct HealthMonitor::Impl {
  explicit Impl(const MonitorOptions& wanted);

  void begin_step(const StepObservation& seen);
  std::vector<monitor::Alarm> judge(const StepObservation& seen);
  void take_up(const std::vector<monitor::Alarm>& alarms);
  void conclude();
  void tell(const StepObservation& seen, const std::vector<monitor::Alarm>& alarms);
  void announce(monitor::Alarm alarm);

  /// One step of the past, as the store has it: judged again, but not told again.
  void replay(const Observation& seen);

  /// Helpers of the four steps above.
  bool completes_newest(const StepObservation& seen) const;
  void rewind(Step step);
  void forget_all();
  bool gradients_excused() const noexcept;
  void enter_non_finite(const std::vector<monitor::NonFinite>& found);
  void count_failures();
  void judge_scalars(const StepObservation& seen, std::vector<monitor::Alarm>& alarms);
  void judge_stability(const NumericalStability& measured, std::vector<monitor::Alarm>& alarms);

  MonitorOptions options;
  Step longest_window;
  monitor::ScalarJudge scalars;
  monitor::FailureLog failures;
  monitor::ActiveAlarms active;
  std::map<std::string, monitor::StepWindow<double>> condition_numbers;
  std::map<std::string, monitor::StepWindow<std::pair<double, double>>> schatten_norms;

  std::optional<StepMetrics> newest;
  std::optional<double> learning_rate;            // of the newest step
  StepPhase phase = StepPhase::before_optimizer;  // the newest step was seen in it
  Step overflows_in_row = 0;
  std::optional<double> last_loss, last_gradient_norm;
  std::optional<Step> last_scan;
  struct Verdict {
    Step step;
    Health health;
  };
  std::optional<Verdict> last_verdict;  // that is one: not `unchecked`
  struct StableCheckpoint {
    CheckpointId id;
    Step step;
  };
  std::optional<StableCheckpoint> last_stable;

  AlertFn alert;
  Session* session = nullptr;
};

}  // namespace lastgood

// From what the detectors found to alarms: for the metrics as text, for the store as events, for people as alerts. Pure
// functions, but for ActiveAlarms, which is for one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <lastgood/monitor_step.h>
#include <lastgood/telemetry.h>

#include "monitor/detectors/non_finite.h"
#include "monitor/detectors/numerics.h"
#include "monitor/scalar_judge.h"

namespace lastgood::monitor {

/// What an alarm was seen in. It ends when its source is looked at again and does not show it.
enum class Source { loss, gradient, scan, stability };

struct Alarm {
  Source source = Source::scan;
  std::string key = {};  // tells it from others of its source
  Event event = {};      // its kind is the reference's name of the failure
  std::string suggestion = {};
};

/// One for what is NaN and one for what is infinite, of the scalars each and of the scan.
std::vector<Alarm> non_finite_alarms(const std::vector<NonFinite>& found);
/// REQUIRES: the observation has a gradient norm; the verdict is on it.
std::vector<Alarm> gradient_alarms(const StepObservation& observation, const GradientVerdict& verdict);
/// Windows and limits in steps, for the messages.
std::vector<Alarm> loss_alarms(const LossVerdict& verdict, Step loss_window, Step stagnation_steps);
std::vector<Alarm> stability_alarms(const NumericsVerdict& verdict);

/// Which alarms are on, so that each is told when it begins and not again.
class ActiveAlarms {
 public:
  /// The alarms of one source that was looked at: those that were not on yet. Call it only for a source that this
  /// observation shows: one that was not looked at leaves its alarms as they were.
  std::vector<Alarm> begin(Source source, const std::vector<Alarm>& alarms);
  void clear() { active_.clear(); }

 private:
  std::map<Source, std::set<std::string>> active_;
};

}  // namespace lastgood::monitor

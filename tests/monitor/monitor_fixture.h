// A monitor for tests, fed with steps.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <lastgood/monitor.h>

namespace lastgood::test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

inline TensorScan clean_scan() {
  return {{{.name = "w", .norm = 1}, {.name = "w.grad", .kind = TensorKind::gradient, .norm = 0.5}}};
}

inline TensorScan nan_scan(const std::string& name = "w", TensorKind kind = TensorKind::parameter) {
  return {{{.name = name, .kind = kind, .nan = 3}}};
}

/// Observes `count` steps from `first` on, without scans, all with the same loss and gradient norm. The last verdict.
inline StepMetrics run_steps(HealthMonitor& monitor, Step first, Step count, double loss = 2, double norm = 1) {
  StepMetrics metrics;
  for (Step step = first; step < first + count; ++step) {
    metrics = monitor.observe({.step = step, .loss = loss, .gradient_norm = norm});
  }
  return metrics;
}

/// What a monitor told of its alarms.
struct Alerts {
  struct Alert {
    Severity severity;
    std::string message, suggestion;
  };
  std::vector<Alert> told = {};

  explicit Alerts(HealthMonitor& monitor) {
    monitor.on_alert([this](Severity severity, const std::string& message, const std::string& suggestion) {
      told.push_back({severity, message, suggestion});
    });
  }
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;
};

}  // namespace lastgood::test

#include "bench/backtest_detectors.h"

#include <cmath>
#include <memory>
#include <vector>

namespace bench {

using namespace lastgood;

Detector explosion(ExplosionDetector kind) {
  MonitorOptions options;
  options.explosion_detector = kind;
  auto monitor = std::make_shared<HealthMonitor>(options);
  return [monitor](Step step, double norm) {
    return monitor->observe({.step = step, .gradient_norm = norm}).gradient_explosion;
  };
}

Detector zclip() {
  struct State {
    double mean = 0, variance = 0;
  };
  auto state = std::make_shared<State>();
  return [state](Step step, double norm) {
    constexpr double kAlpha = 0.97, kThreshold = 2.5;
    if (step == 0) state->mean = norm;
    const double deviation = std::sqrt(state->variance);
    const bool alarm = step > 25 && norm > state->mean + kThreshold * deviation;
    const double taken = alarm ? state->mean + kThreshold * deviation : norm;
    state->mean = kAlpha * state->mean + (1 - kAlpha) * taken;
    state->variance = kAlpha * state->variance + (1 - kAlpha) * (taken - state->mean) * (taken - state->mean);
    return alarm;
  };
}

Detector divergence() {
  auto monitor = std::make_shared<HealthMonitor>();
  return [monitor](Step step, double loss) { return monitor->observe({.step = step, .loss = loss}).loss_divergence; };
}

Detector two_losses() {
  auto seen = std::make_shared<std::vector<double>>();
  return [seen](Step, double loss) {
    seen->push_back(loss);
    if (seen->size() <= 100) return false;
    const double then = (*seen)[seen->size() - 101];
    return then > 0 && (loss - then) / then > 0.5;
  };
}

}  // namespace bench

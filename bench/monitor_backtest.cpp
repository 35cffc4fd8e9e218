// Back-tests the monitor's detectors: what share of known failures each finds, how often it cries out over nothing, and
// how many steps late it is.
//
// usage: monitor_backtest            on series made here, from fixed seeds, so that the figures repeat
//        monitor_backtest FILE...    on recorded ones (bench/record_series.cpp says what a file holds)
//
// Of those made here gradient norms are log-normal, which is what those of real training look like; spikes multiply one
// norm by 3 to 15, evenly in the logarithm.
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <lastgood/monitor.h>

#include "bench/backtest_detectors.h"
#include "bench/recorded_backtest.h"

namespace {

using namespace lastgood;
using bench::Detector;
using Random = std::mt19937_64;

constexpr Step kSteps = 100'000;
constexpr Step kCalm = 200;  // steps before the first failure, and at least between two
constexpr Step kRuns = 200;

struct Series {
  std::vector<double> values;
  std::vector<bool> failing;
};

struct Figures {
  double found = 0, failures = 0, false_alarms = 0, calm_steps = 0, late = 0;

  void print(const char* series, const char* detector) const {
    std::printf("| %s | %s | ", series, detector);
    failures == 0 ? std::printf("- | ") : std::printf("%.2f | ", found / failures);
    std::printf("%.1f | ", 10'000 * false_alarms / calm_steps);
    found == 0 ? std::printf("- |\n") : std::printf("%.0f |\n", late / found);
  }
};

/// Norms around `level(step)`, with a spike at random steps, about one in 300.
Series spiky_norms(double sigma, unsigned seed, const std::function<double(Step)>& level) {
  Random random(seed);
  std::normal_distribution<double> noise(0, sigma);
  std::uniform_real_distribution<double> log_factor(std::log(3), std::log(15)), chance(0, 1);
  Series series;
  Step last = 0;
  for (Step step = 0; step < kSteps; ++step) {
    const bool spike = step - last >= kCalm && chance(random) < 0.01;
    if (spike) last = step;
    series.values.push_back(level(step) * std::exp(noise(random) + (spike ? log_factor(random) : 0)));
    series.failing.push_back(spike);
  }
  return series;
}

/// Each failing step by itself: a spike lasts one step.
Figures judge_spikes(const Series& series, const Detector& detector) {
  Figures figures;
  for (Step step = 0; step < kSteps; ++step) {
    const auto at = static_cast<std::size_t>(step);
    const bool alarm = detector(step, series.values[at]);
    figures.failures += series.failing[at];
    figures.found += alarm && series.failing[at];
    figures.false_alarms += alarm && !series.failing[at];
    figures.calm_steps += !series.failing[at];
  }
  return figures;
}

/// A loss that falls, then from `onset` on rises by half its size within 50 steps, and on.
double loss_at(Step step, Step onset) {
  const double calm = 1.5 + 2.5 * std::exp(-static_cast<double>(std::min(step, onset)) / 300);
  return step < onset ? calm : calm * std::exp(std::log(1.5) * static_cast<double>(step - onset) / 50);
}

/// Runs of 600 steps, each diverging at step 400. Late: steps after the noiseless loss has risen by half.
Figures judge_divergence(double noise_share, double offset, const std::function<Detector()>& make) {
  constexpr Step kOnset = 400, kTrue = kOnset + 50, kEnd = 600;
  Random random(17);
  std::normal_distribution<double> noise(0, noise_share);
  Figures figures;
  for (Step run = 0; run < kRuns; ++run) {
    const Detector detector = make();
    bool found = false;
    for (Step step = 0; step < kEnd && !found; ++step) {
      const double loss = loss_at(step, kOnset);
      const bool alarm = detector(step, loss + loss * noise(random) - offset);
      figures.calm_steps += step < kOnset;
      figures.false_alarms += alarm && step < kOnset;
      found = alarm && step >= kOnset;
      if (found) figures.late += static_cast<double>(step - kTrue);
    }
    ++figures.failures;
    figures.found += found;
  }
  return figures;
}

/// Runs whose gradients drop to a ten-thousandth at step 400.
Figures judge_vanishing(double sigma) {
  constexpr Step kOnset = 400, kEnd = 500;
  Random random(23);
  std::normal_distribution<double> noise(0, sigma);
  Figures figures;
  for (Step run = 0; run < kRuns; ++run) {
    HealthMonitor monitor;
    bool found = false;
    for (Step step = 0; step < kEnd && !found; ++step) {
      const double norm = std::exp(noise(random)) * (step < kOnset ? 1 : 1e-4);
      const bool alarm = monitor.observe({.step = step, .gradient_norm = norm}).gradient_vanishing;
      figures.calm_steps += step < kOnset;
      figures.false_alarms += alarm && step < kOnset;
      found = alarm && step >= kOnset;
      if (found) figures.late += static_cast<double>(step - kOnset);
    }
    ++figures.failures;
    figures.found += found;
  }
  return figures;
}

/// Runs whose loss falls until step 3,000 and stays there; told to be late from 1,000 steps after that.
Figures judge_stagnation(double noise_share) {
  constexpr Step kOnset = 3000, kTrue = 4000, kEnd = 6000, kFewRuns = 10;
  Random random(29);
  std::normal_distribution<double> noise(0, noise_share);
  Figures figures;
  for (Step run = 0; run < kFewRuns; ++run) {
    HealthMonitor monitor;
    bool found = false;
    for (Step step = 0; step < kEnd && !found; ++step) {
      const double loss = 4 - 2.0 * static_cast<double>(std::min(step, kOnset)) / static_cast<double>(kOnset);
      const bool alarm = monitor.observe({.step = step, .loss = loss * (1 + noise(random))}).loss_stagnation;
      figures.calm_steps += step < kTrue;
      figures.false_alarms += alarm && step < kTrue;
      found = alarm && step >= kTrue;
      if (found) figures.late += static_cast<double>(step - kTrue);
    }
    ++figures.failures;
    figures.found += found;
  }
  return figures;
}

void print_explosions() {
  struct Kind {
    const char* name;
    double sigma;
    std::function<double(Step)> level;
  };
  const std::vector<Kind> kinds = {{"steady, sigma 0.25", 0.25, [](Step) { return 1.0; }},
                                   {"steady, sigma 0.5", 0.5, [](Step) { return 1.0; }},
                                   {"swinging by 3 within 500 steps, sigma 0.25", 0.25, [](Step step) {
                                      return std::exp(0.55 * std::sin(static_cast<double>(step) * 2 * M_PI / 1000));
                                    }}};
  for (const Kind& kind : kinds) {
    const Series series = spiky_norms(kind.sigma, 11, kind.level);
    const auto label = "explosion: " + std::string(kind.name);
    judge_spikes(series, bench::explosion(ExplosionDetector::median_ratio))
        .print(label.c_str(), "10x median (default)");
    judge_spikes(series, bench::explosion(ExplosionDetector::log_mad)).print(label.c_str(), "log-MAD, k = 4");
    judge_spikes(series, bench::zclip()).print(label.c_str(), "ZClip, 2.5");
  }
}

void print_others() {
  for (const double noise : {0.05, 0.2}) {
    const std::string label = "divergence: noise " + std::to_string(static_cast<int>(100 * noise)) + " %";
    judge_divergence(noise, 0, bench::divergence).print(label.c_str(), "smoothed (default)");
    judge_divergence(noise, 0, bench::two_losses).print(label.c_str(), "two losses");
  }
  judge_divergence(0.05, 2, bench::divergence).print("divergence: loss around zero, noise 5 %", "smoothed (default)");
  judge_divergence(0.05, 2, bench::two_losses).print("divergence: loss around zero, noise 5 %", "two losses");
  judge_vanishing(0.5).print("vanishing: to 1e-4, sigma 0.5", "1e-3 of the median (default)");
  judge_stagnation(0.05).print("stagnation: a plateau, noise 5 %", "1,000 steps (default)");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return bench::print_recorded({argv + 1, argv + argc});
  std::printf("| series | detector | recall | false alarms in 10,000 steps | steps late |\n|---|---|---:|---:|---:|\n");
  print_explosions();
  print_others();
  return 0;
}

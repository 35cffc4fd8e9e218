// Judges the loss and the gradient norm of each step by those before it. What it takes for a failure, and what is not
// finite, joins no baseline. REQUIRES: steps go up, as long as nothing is rewound. For one thread.
#pragma once

#include <optional>
#include <vector>

#include <lastgood/monitor.h>

#include "monitor/detectors/divergence.h"
#include "monitor/step_window.h"

namespace lastgood::monitor {

/// On a norm that is not finite: the median alone.
struct GradientVerdict {
  std::optional<double> median;  // of the baseline, before this norm joined it
  bool explosion = false;
  bool vanishing = false;
};

/// `change` is nothing while the window has fewer than ten losses, or for a loss that is not finite.
struct LossVerdict {
  std::optional<LossChange> change;
  bool divergence = false;
  bool stagnation = false;
};

class ScalarJudge {
 public:
  explicit ScalarJudge(const MonitorOptions& options);

  GradientVerdict judge_gradient(Step step, double norm);
  LossVerdict judge_loss(Step step, double loss);

  /// Forgets this step and all later ones.
  void rewind(Step step);
  void clear();

  /// Whatever was finite within the windows, outliers too, oldest first: for people, not for verdicts.
  std::vector<double> gradient_norms() const { return seen_norms_.values(); }
  std::vector<double> losses() const { return seen_losses_.values(); }

 private:
  struct Best {
    double loss;
    Step step;
  };

  bool explodes(double norm, const std::vector<double>& baseline, double median) const;
  bool stagnates(Step step, double smoothed);

  MonitorOptions options_;
  StepWindow<double> seen_norms_, seen_losses_;
  StepWindow<double> norms_, losses_;  // the baselines
  bool diverged_ = false;
  std::optional<Best> best_;
};

}  // namespace lastgood::monitor

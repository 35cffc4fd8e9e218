// Two sets of windows: baselines, which only what was judged to be fine may join, and what was seen, for people. For a
// loss that diverges, the baseline keeps its old end and follows the new one: the rise stays a rise for as long as it
// lasts, and its end is noticed.
#include "monitor/scalar_judge.h"

#include <algorithm>
#include <cmath>

#include "monitor/detectors/explosion.h"
#include "monitor/detectors/stagnation.h"
#include "monitor/detectors/vanishing.h"
#include "monitor/statistics.h"

namespace lastgood::monitor {

ScalarJudge::ScalarJudge(const MonitorOptions& options)
    : options_(options),
      seen_norms_(options.gradient_window),
      seen_losses_(options.loss_window),
      norms_(options.gradient_window),
      losses_(options.loss_window) {}

GradientVerdict ScalarJudge::judge_gradient(Step step, double norm) {
  GradientVerdict verdict;
  // Before this norm joins: it must not be judged by itself.
  const std::vector<double> baseline = norms_.values();
  if (!baseline.empty()) verdict.median = median(baseline);
  if (!std::isfinite(norm)) {
    norms_.skip(step);
    seen_norms_.skip(step);
    return verdict;
  }
  verdict.explosion = verdict.median && explodes(norm, baseline, *verdict.median);
  verdict.vanishing = has_vanished(norm, verdict.median, options_.vanishing_threshold);
  // A norm of zero never gets in, so that the median is positive.
  if (verdict.explosion || verdict.vanishing) {
    norms_.skip(step);
  } else {
    norms_.add(step, norm);
  }
  seen_norms_.add(step, norm);
  return verdict;
}

bool ScalarJudge::explodes(double norm, const std::vector<double>& baseline, double median) const {
  // The second for the logarithms, which are taken of positive norms alone: a norm above a positive median is one.
  if (baseline.size() < kMinimumNorms || norm <= median) return false;
  if (options_.explosion_detector == ExplosionDetector::log_mad) {
    return exceeds_log_deviation(norm, baseline, options_.explosion_mad_k);
  }
  return exceeds_median(norm, median, options_.gradient_explosion_threshold);
}

LossVerdict ScalarJudge::judge_loss(Step step, double loss) {
  LossVerdict verdict;
  if (!std::isfinite(loss)) {
    losses_.skip(step);
    seen_losses_.skip(step);
    return verdict;
  }
  seen_losses_.add(step, loss);
  if (diverged_) {
    // The newest losses move on, so that the end of the divergence is seen; the old ones stay what they are.
    losses_.replace(step, loss, std::min(kMostLossesAtEnd, losses_.size() / 2));
  } else {
    losses_.add(step, loss);
  }
  verdict.change = measure_loss_change(losses_.values());
  diverged_ = verdict.change && has_diverged(*verdict.change, options_.loss_divergence_threshold);
  verdict.divergence = diverged_;
  verdict.stagnation = verdict.change && stagnates(step, verdict.change->now);
  return verdict;
}

bool ScalarJudge::stagnates(Step step, double smoothed) {
  if (!best_ || improves(smoothed, best_->loss)) best_ = Best{smoothed, step};
  return has_stagnated(step, best_->step, options_.stagnation_steps);
}

void ScalarJudge::rewind(Step step) {
  for (auto* window : {&seen_norms_, &seen_losses_, &norms_, &losses_}) window->rewind(step);
  const auto change = measure_loss_change(losses_.values());
  diverged_ = change && has_diverged(*change, options_.loss_divergence_threshold);
  if (best_ && best_->step >= step) best_.reset();
}

void ScalarJudge::clear() {
  for (auto* window : {&seen_norms_, &seen_losses_, &norms_, &losses_}) window->clear();
  diverged_ = false;
  best_.reset();
}

}  // namespace lastgood::monitor

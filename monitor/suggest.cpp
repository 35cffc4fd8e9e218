// From a verdict to what can be done about it, in the reference's order.
//
// Words only: nothing is changed here, and a recovery has its own ladders (recovery/ladders.cpp). For trainers that act
// by themselves.
#include <lastgood/monitor.h>

#include "monitor/health_monitor_impl.h"
#include "monitor/text.h"

namespace lastgood {

namespace {

std::string names_of(const std::vector<std::string>& names) {
  if (names.empty()) return "the training state";
  return names.front() + (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

std::string non_finite_reason(const StepMetrics& metrics) {
  std::string reason;
  if (metrics.has_nan) reason = "NaN in " + names_of(metrics.nan_tensors);
  if (metrics.has_inf) reason += (reason.empty() ? "" : ", ") + ("Inf in " + names_of(metrics.inf_tensors));
  return reason + ": no later step can be right; the last stable checkpoint is";
}

std::string explosion_reason(const StepMetrics& metrics) {
  std::string reason = "the gradient norm";
  if (metrics.gradient_norm) reason += " " + monitor::number_text(*metrics.gradient_norm);
  reason += " is far above the median";
  if (metrics.gradient_median) reason += " " + monitor::number_text(*metrics.gradient_median);
  return reason + ": smaller steps keep it from coming back";
}

std::string condition_reason(const StepMetrics& metrics, double threshold) {
  std::string reason = "above a condition number of " + monitor::number_text(threshold) + ":";
  for (const auto& [name, value] : metrics.condition_numbers) {
    if (value > threshold) reason += " " + name + " (" + monitor::number_text(value) + ")";
  }
  return reason + "; more digits, or a larger epsilon, keep their solutions right";
}

std::string continue_reason(const StepMetrics& metrics) {
  switch (metrics.overall_health) {
    case Health::unchecked: return "the scalars are in order; no tensor was looked at";
    case Health::healthy: return "nothing is wrong";
    case Health::warning:
    case Health::critical: break;
  }
  return "nothing that a change of the training would mend; see the warnings";
}

}  // namespace

std::vector<Suggestion> HealthMonitor::suggest_recovery(const StepMetrics& metrics) const {
  std::vector<Suggestion> suggestions;
  if (metrics.has_nan || metrics.has_inf) suggestions.push_back({"rollback_checkpoint", non_finite_reason(metrics)});
  if (metrics.gradient_explosion) suggestions.push_back({"reduce_lr_10x", explosion_reason(metrics)});
  if (metrics.loss_divergence) {
    suggestions.push_back({"increase_epsilon", "the loss rose by " + monitor::number_text(metrics.loss_increase_pct) +
                                                   " % within " + std::to_string(impl_->options.loss_window) +
                                                   " steps: more regularisation may hold it"});
  }
  if (metrics.condition_number_high) {
    suggestions.push_back({"upgrade_precision", condition_reason(metrics, impl_->options.condition_number_threshold)});
  }
  // Never empty, so that a caller may act on the first one.
  if (suggestions.empty()) suggestions.push_back({"continue", continue_reason(metrics)});
  return suggestions;
}

}  // namespace lastgood

#include <lastgood/monitor_dashboard.h>
#include <lastgood/monitor_step.h>

namespace lastgood {

// These words are in events and exports, for others to compare.
const char* to_string(TensorKind kind) noexcept {
  switch (kind) {
    case TensorKind::parameter: return "parameter";
    case TensorKind::gradient: return "gradient";
    case TensorKind::buffer: return "buffer";
    case TensorKind::optimizer_state: return "optimizer_state";
    case TensorKind::activation: return "activation";
  }
  return "unknown";
}

const char* to_string(LossTrend trend) noexcept {
  switch (trend) {
    case LossTrend::insufficient_data: return "insufficient_data";
    case LossTrend::improving: return "improving";
    case LossTrend::stable: return "stable";
    case LossTrend::degrading: return "degrading";
  }
  return "unknown";
}

Stability stability_of(const StepMetrics& metrics) noexcept {
  if (metrics.overall_health == Health::warning || metrics.overall_health == Health::critical) {
    return Stability::unstable;
  }
  // Before the optimizer's step, the scan saw other weights than a checkpoint after it would hold.
  const bool judged = metrics.overall_health == Health::healthy && metrics.scanned == StepPhase::after_optimizer;
  return judged ? Stability::stable : Stability::unknown;
}

}  // namespace lastgood

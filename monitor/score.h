// The health score and the trend of the loss, as the reference computes them. Pure.
#pragma once

#include <span>

#include <lastgood/monitor_dashboard.h>

namespace lastgood::monitor {

/// HealthDashboard::health_score. `gradient_norms`: those of the window, finite.
double health_score(const FailureCounts& recent, std::span<const double> gradient_norms);

/// `losses`: oldest first, finite; the last 20 count.
LossTrend loss_trend(std::span<const double> losses);

}  // namespace lastgood::monitor

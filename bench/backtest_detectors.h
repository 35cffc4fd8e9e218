// What the back-tests compare: the monitor's detectors, each as one question a step, and those of others beside them.
#pragma once

#include <functional>

#include <lastgood/monitor.h>

namespace bench {

/// One answer a step, in their order: is this a failure? Each keeps a history of its own.
using Detector = std::function<bool(lastgood::Step step, double value)>;

/// Of gradient norms.
Detector explosion(lastgood::ExplosionDetector kind);
/// ZClip (Kumar et al., 2025): a z-score of 2.5 on exponential moving averages of gradient norms.
Detector zclip();
/// Of losses, as the monitor judges them by default.
Detector divergence();
/// The reference's rule for losses: the newest beside the one 100 steps before it, where that is positive.
Detector two_losses();

}  // namespace bench

// A rung that the target cannot do would be noted as failed and cost an attempt of the budget, for nothing.
#include "loop/torch/ladders.h"

#include <algorithm>

namespace lastgood::loop {
namespace {

constexpr const char* kFailures[] = {"nan_detected",    "inf_detected",          "gradient_explosion",
                                     "loss_divergence", "condition_number_high", "oom"};

bool can_do(const RecoveryTarget& target, const std::string& action) {
  if (action == "reduce_lr_10x") return !target.learning_rates.empty();
  if (action == "increase_epsilon") return static_cast<bool>(target.epsilon.read);
  if (action == "reduce_batch_size") return static_cast<bool>(target.batch_size.read);
  if (action == "upgrade_precision") return static_cast<bool>(target.upgrade_precision);
  if (action == "clip_spectrum") return static_cast<bool>(target.clip_spectrum);
  return true;
}

}  // namespace

std::map<std::string, Ladder> ladders_for(const RecoveryTarget& target, std::map<std::string, Ladder> own) {
  for (const char* failure : kFailures) {
    Ladder ladder = default_ladder(failure);
    std::erase_if(ladder, [&](const Rung& rung) {
      return !std::all_of(rung.begin(), rung.end(), [&](const auto& action) { return can_do(target, action); });
    });
    if (!ladder.empty()) own.try_emplace(failure, std::move(ladder));
  }
  return own;
}

}  // namespace lastgood::loop

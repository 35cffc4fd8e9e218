// From the catalog's rows alone, so recoveries of earlier sessions count like those of this one.
#include "recovery/report.h"

#include <algorithm>
#include <ctime>

#include <nlohmann/json.hpp>

#include "recovery/detail.h"

namespace lastgood {

namespace {

// The keys stand in the reference's order.
using Json = nlohmann::ordered_json;

std::string dump(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace);
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_entry(const Recovery& recovery) {
  return {{"step", recovery.step},
          {"epoch", recovery.epoch},
          {"failure_type", recovery.failure},
          {"action", recovery.action},
          {"success", recovery.outcome == RecoveryOutcome::succeeded},
          {"outcome", to_string(recovery.outcome)},
          {"timestamp", recovery.recorded_at_ms}};
}

/// "2026-05-04 13:02:11 UTC"
std::string when(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%F %T UTC", &fields)};
}

Json json_history(const std::vector<Recovery>& history) {
  Json list = Json::array();
  for (const Recovery& recovery : history) list.push_back(json_entry(recovery));
  return list;
}

/// The first one that is a tensor: the monitor tells scalars first, which only show what a tensor did to them.
std::string first_tensor(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name != "loss" && name != "gradient_norm") return name;
  }
  return {};
}

}  // namespace

namespace recovery {

/// A reset and a halt have rows, too, but recovered nothing.
RecoveryReport summarise(std::span<const Recovery> history) {
  RecoveryReport report;
  for (const Recovery& recovery : history) {
    if (recovery.action == "reset" || recovery.outcome == RecoveryOutcome::halted) continue;
    ++report.total_recoveries;
    report.last_recovery_step = recovery.step;
    report.last_recovery_action = recovery.action;
    report.recovery_history.push_back(recovery);
    for (const std::string& action : read_detail(recovery).done) {
      report.rollback_count += action == "rollback_checkpoint" ? 1 : 0;
      report.lr_reduction_count += action == "reduce_lr_10x" ? 1 : 0;
      report.epsilon_increase_count += action == "increase_epsilon" ? 1 : 0;
      report.batch_size_reduction_count += action == "reduce_batch_size" ? 1 : 0;
      report.precision_upgrade_count += action == "upgrade_precision" ? 1 : 0;
    }
  }
  return report;
}

}  // namespace recovery

std::string RecoveryReport::to_json() const {
  return dump({{"total_recoveries", total_recoveries},
               {"rollback_count", rollback_count},
               {"lr_reduction_count", lr_reduction_count},
               {"epsilon_increase_count", epsilon_increase_count},
               {"batch_size_reduction_count", batch_size_reduction_count},
               {"precision_upgrade_count", precision_upgrade_count},
               {"consecutive_failures", consecutive_failures},
               {"last_recovery_step", or_null(last_recovery_step)},
               {"last_recovery_action", last_recovery_action.empty() ? Json(nullptr) : Json(last_recovery_action)},
               {"recovery_history", json_history(recovery_history)},
               {"checkpoint_count", checkpoint_count}});
}

std::string HaltReport::to_json() const {
  return dump({{"run", run},
               {"step", step},
               {"epoch", epoch},
               {"failure", failure},
               {"errors", errors},
               {"tensors", tensors},
               {"tried", json_history(tried)},
               {"last_good", last_good ? Json(last_good->value) : Json(nullptr)},
               {"last_good_step", or_null(last_good_step)},
               {"command", command}});
}

/// What was seen, what was tried, and the one command to go on by.
std::string HaltReport::to_text() const {
  const bool came_back = std::any_of(tried.begin(), tried.end(), [&](const auto& one) {
    return one.failure == failure && one.outcome != RecoveryOutcome::failed;
  });
  std::string text = "Run " + run + " was halted at step " + std::to_string(step) + ", epoch " + std::to_string(epoch) +
                     ": " + failure + (came_back ? " came back" : ", and nothing is left to try") + ".\n";
  for (const std::string& error : errors) text += "  seen: " + error + "\n";
  const std::string first = first_tensor(tensors);
  if (!first.empty()) text += "  first tensor that was not finite: " + first + "\n";
  for (const Recovery& recovery : tried) {
    text += "  tried at step " + std::to_string(recovery.step) + ", " + when(recovery.recorded_at_ms) + ", against " +
            recovery.failure + ": " + recovery.action + ", " + to_string(recovery.outcome) + "\n";
  }
  text += "Mend the cause before you start it again: a failure before it has proven itself halts it at once.\n";
  if (!last_good) return text + "No stable checkpoint is left to go back to.\n";
  return text + "The last good checkpoint is " + std::to_string(last_good->value) + ", step " +
         std::to_string(last_good_step.value_or(0)) + ". To go back to it by hand:\n  " + command + "\n";
}

}  // namespace lastgood

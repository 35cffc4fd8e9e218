// lastgood health: how a run is doing, by what its monitor recorded.
// JSON: {"schema":1,"runs":[{"run","health","step","last_stable":{"checkpoint","step"},"loss","gradient_norm",
// "learning_rate","window","steps":{"unchecked","healthy","warning","critical"},"alarms":{kind:count},
// "dashboard":{...}}]}. Runs without observations have null for what is not known, and for "dashboard".
// Opens the store for reading only. The verdict is no exit code: scripts read it from the JSON.
//
// Prints a block of facts a run, with an empty line between two. "steps" and "alarms" count within "window" steps,
// along the lineage that is trained on now. Flags: --run. Exit codes: the common ones.
#include <array>
#include <map>

#include <lastgood/history.h>
#include <lastgood/monitor.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/records.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr std::size_t kLabelColumns = 12;
constexpr std::array kHealths = {Health::critical, Health::warning, Health::healthy, Health::unchecked};

/// What is known of a run, of its newest branch and the lineage that it grew from.
struct RunHealth {
  std::string run;
  HealthDashboard dashboard;
  Step window = 0;
  std::optional<Observation> newest;
  std::map<Health, std::size_t> steps;          // those within the window
  std::map<std::string, std::uint64_t> alarms;  // by kind, within the window
};

RunHealth examine(const Store& store, const std::string& run) {
  // A monitor of our own, with default options, that is told what the store has: the trainer's is in another process.
  HealthMonitor monitor;
  monitor.restore_history(store, run);
  RunHealth found;
  found.run = run;
  found.dashboard = monitor.get_health_dashboard();
  found.window = monitor.options().loss_window;
  const auto observations = list_observations(store, {.run = run, .limit = static_cast<std::uint64_t>(found.window)});
  if (observations.empty()) return found;
  found.newest = observations.back();
  // Windows count steps, not observations: of a run that observes every tenth step, a tenth as many are within.
  const Step before = found.newest->step - found.window;
  for (const Observation& seen : observations) {
    if (seen.step > before) ++found.steps[seen.health];
  }
  for (const Event& event : list_events(store, {.run = run, .at_least = Severity::warning, .lineage_only = true})) {
    if (event.step > before) ++found.alarms[event.kind];
  }
  return found;
}

Json json_health(const RunHealth& found) {
  const HealthDashboard& board = found.dashboard;
  Json result = {{"run", found.run}, {"health", to_string(board.overall_health)}};
  result["step"] = found.newest ? Json(found.newest->step) : Json(nullptr);
  result["last_stable"] = nullptr;
  if (board.last_stable_checkpoint) {
    result["last_stable"] = {{"checkpoint", board.last_stable_checkpoint->value}, {"step", *board.last_stable_step}};
  }
  const Observation newest = found.newest.value_or(Observation{});
  result["loss"] = json_number(newest.loss);
  result["gradient_norm"] = json_number(newest.gradient_norm);
  result["learning_rate"] = json_number(newest.learning_rate);
  result["window"] = found.window;
  for (const Health health : {Health::unchecked, Health::healthy, Health::warning, Health::critical}) {
    const auto count = found.steps.find(health);
    result["steps"][to_string(health)] = count == found.steps.end() ? 0 : count->second;
  }
  result["alarms"] = found.alarms;
  result["dashboard"] = found.newest ? Json::parse(board.to_json()) : Json(nullptr);
  return result;
}

/// "2.411, mean 2.502"; nothing where nothing was observed.
std::string shown_scalar(const std::optional<double>& value, const char* what, const std::optional<double>& typical) {
  std::string text = value ? human_number(*value) : std::string();
  if (typical) text += (text.empty() ? "" : ", ") + std::string(what) + " " + human_number(*typical);
  return text;
}

std::string shown_steps(const RunHealth& found, bool color) {
  std::string text;
  for (const Health health : kHealths) {
    const auto count = found.steps.find(health);
    if (count == found.steps.end()) continue;
    text += (text.empty() ? "" : ", ") +
            paint(std::to_string(count->second) + " " + to_string(health), tone_of(health), color);
  }
  return text;
}

std::string shown_alarms(const RunHealth& found) {
  std::string text;
  for (const auto& [kind, count] : found.alarms) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + escape(kind);
  }
  return text.empty() ? "none" : text;
}

void print_health(Context& context, const RunHealth& found) {
  const bool color = context.color();
  const auto row = [&](std::string_view label, const std::string& value) {
    if (value.empty()) return;
    context.out.line(std::string(label) + std::string(kLabelColumns - label.size(), ' ') + value);
  };
  const HealthDashboard& board = found.dashboard;
  row("run", escape(found.run));
  if (!found.newest) {
    row("health", "nothing was observed yet");
    return;
  }
  const std::string last = "of the last " + std::to_string(found.window) + " steps: ";
  row("health", paint(to_string(board.overall_health), tone_of(board.overall_health), color) + ", score " +
                    human_number(board.health_score) + " of 100");
  row("step", std::to_string(found.newest->step) + ", " + age(found.newest->recorded_at_ms) + " ago");
  row("last stable", board.last_stable_checkpoint
                         ? "checkpoint " + std::to_string(board.last_stable_checkpoint->value) + " (step " +
                               std::to_string(*board.last_stable_step) + ")"
                         : "none");
  row("loss", shown_scalar(found.newest->loss, "mean", board.loss_mean) + ", trend " + to_string(board.loss_trend));
  row("gradient", shown_scalar(found.newest->gradient_norm, "median", board.gradient_norm_median));
  row("rate", shown_scalar(found.newest->learning_rate, "", {}));
  row("steps", last + shown_steps(found, color));
  row("alarms", last + shown_alarms(found));
}

ExitCode health(Context& context) {
  const Store store = context.open_read_only();
  require_run(store, context.run);
  Json document = new_document();
  Json& rows = document["runs"] = Json::array();
  for (const RunInfo& run : list_runs(store)) {
    if (context.run && run.name != *context.run) continue;
    const RunHealth found = examine(store, run.name);
    if (!context.json && !rows.empty()) context.out.line();
    rows.push_back(json_health(found));
    if (!context.json) print_health(context, found);
  }
  if (context.json) {
    print(context.out, document);
  } else if (rows.empty()) {
    context.hint("no runs yet");
  }
  return ExitCode::ok;
}

}  // namespace

Command health_command() {
  return {.name = "health",
          .summary = "how a run is doing: verdicts, alarms, loss and gradients",
          .details =
              "Tells what the trainer's monitor recorded, up to the newest batch that was written, along the\n"
              "branch that is trained on now. HEALTH is the newest verdict of the last 10 steps; steps whose\n"
              "tensors were not scanned are unchecked. An alarm counts once, when it begins. The score takes\n"
              "the monitor's default thresholds.",
          .examples = {"lastgood health", "watch lastgood health --run gpt2-small"},
          .run = health};
}

}  // namespace lastgood::cli

#include "cli/run_view.h"

#include <algorithm>

#include <lastgood/history.h>

#include "cli/context.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr std::int64_t kEndOfYear9999 = 253'402'300'799'999;  // in milliseconds: what is later is no time of ours

template <class Item>
void keep_newest(std::vector<Item>& newest_first) {
  if (newest_first.size() > RunView::kListed) newest_first.resize(RunView::kListed);
}

std::optional<RunInfo> chosen_run(const std::vector<RunInfo>& runs, const Store& store,
                                  const std::optional<std::string>& name) {
  std::optional<std::string> wanted = name;
  if (!wanted) {
    const std::vector<SessionInfo> sessions = list_sessions(store);
    if (sessions.empty()) return std::nullopt;
    wanted = sessions.front().run;
  }
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const RunInfo& run) { return run.name == *wanted; });
  return found == runs.end() ? std::nullopt : std::optional(*found);
}

/// Whatever the event holds: a store may come from anybody.
std::optional<RunView::End> end_of(const Store& store, const SessionInfo& session) {
  if (session.state != SessionState::open) return std::nullopt;
  for (const Event& event : list_events(store, {.session = session.id})) {
    if (event.kind != kSessionDeadline) continue;
    const Json detail = Json::parse(event.detail, nullptr, false);
    const auto at = detail.is_object() ? detail.find("ends_at") : detail.end();
    if (at == detail.end() || !at->is_number_integer()) return std::nullopt;
    const auto source = detail.find("source");
    const bool named = source != detail.end() && source->is_string();
    const std::int64_t at_ms = std::clamp<std::int64_t>(at->get<std::int64_t>(), 0, kEndOfYear9999);
    return RunView::End{at_ms, named ? source->get<std::string>() : std::string()};
  }
  return std::nullopt;
}

Json json_save(const std::optional<SaveCost>& save) {
  if (!save) return nullptr;
  return {{"step", save->step},
          {"checkpoint", json_id(save->checkpoint)},
          {"bytes_new", save->bytes_new},
          {"blocked_seconds", seconds(save->blocked)},
          {"saving_seconds", seconds(save->durable)},
          {"error", save->error},
          {"recorded_at", iso_time(save->recorded_at_ms)}};
}

Json json_observation(const Observation& seen) {
  return {{"step", seen.step},
          {"loss", json_number(seen.loss)},
          {"gradient_norm", json_number(seen.gradient_norm)},
          {"learning_rate", json_number(seen.learning_rate)},
          {"health", to_string(seen.health)},
          {"recorded_at", iso_time(seen.recorded_at_ms)}};
}

}  // namespace

RunView look_at_run(const Store& store, const std::optional<std::string>& run) {
  require_run(store, run);
  RunView view;
  const std::vector<RunInfo> runs = list_runs(store);
  view.runs = runs.size();
  view.run = chosen_run(runs, store, run);
  if (!view.run) return view;
  const std::string& name = view.run->name;
  HealthMonitor monitor;  // of our own, as the trainer's is in another process: see `lastgood health`
  monitor.restore_history(store, name);
  view.dashboard = monitor.get_health_dashboard();
  view.observations = list_observations(store, {.run = name, .limit = RunView::kObservations});
  view.sessions = list_session_records(store, name);
  keep_newest(view.sessions);
  if (!view.sessions.empty()) view.end = end_of(store, view.sessions.front().info);
  for (SaveCost& save : list_save_costs(store, name, 1)) view.last_save = std::move(save);
  view.checkpoints = list_checkpoints(store, {.run = name, .limit = RunView::kListed});
  view.recoveries = list_recoveries(store, name);
  keep_newest(view.recoveries);
  view.alarms = list_events(store, {.run = name, .at_least = Severity::warning, .limit = RunView::kListed});
  return view;
}

Json json_run_view(const RunView& view) {
  Json document = new_document();
  document["run"] = view.run ? Json(view.run->name) : Json(nullptr);
  document["head"] = json_id(view.run ? view.run->head : std::nullopt);
  const bool observed = !view.observations.empty();
  const Observation newest = observed ? view.observations.back() : Observation{};
  document["health"] = observed ? Json(to_string(view.dashboard.overall_health)) : Json(nullptr);
  document["health_score"] = observed ? Json(view.dashboard.health_score) : Json(nullptr);
  document["step"] = observed ? Json(newest.step) : Json(nullptr);
  document["loss"] = json_number(newest.loss);
  document["gradient_norm"] = json_number(newest.gradient_norm);
  document["learning_rate"] = json_number(newest.learning_rate);
  document["ends_at"] = view.end ? Json(iso_time(view.end->at_ms)) : Json(nullptr);
  document["ends_by"] = view.end ? Json(view.end->source) : Json(nullptr);
  document["last_save"] = json_save(view.last_save);
  document["last_stable"] = json_id(view.dashboard.last_stable_checkpoint);
  for (const char* list : {"observations", "sessions", "checkpoints", "recoveries", "alarms"}) {
    document[list] = Json::array();
  }
  for (const Observation& seen : view.observations) document["observations"].push_back(json_observation(seen));
  for (const auto& session : view.sessions) document["sessions"].push_back(json_session(session.info, session.cost));
  for (const auto& saved : view.checkpoints) document["checkpoints"].push_back(json_checkpoint(saved, std::nullopt));
  for (const Recovery& recovery : view.recoveries) document["recoveries"].push_back(json_recovery(recovery));
  for (const Event& alarm : view.alarms) document["alarms"].push_back(json_event(alarm));
  return document;
}

}  // namespace lastgood::cli

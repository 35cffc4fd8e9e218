// The shapes that several commands share. A field that is added here is added to all of them; none is ever renamed.
#include "cli/json.h"

#include <cmath>
#include <map>

#include <lastgood/history.h>

#include "cli/records.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

Json json_metrics(const std::map<std::string, double>& metrics) {
  Json result = Json::object();
  for (const auto& [name, value] : metrics) result[name] = json_number(value);
  return result;
}

}  // namespace

Json new_document() {
  Json document;
  document["schema"] = 1;
  return document;
}

// On one line whatever the size: readers of `watch --json` take a document a line.
void print(Output& out, const Json& document) {
  // A file name need not be UTF-8; JSON must be.
  out.line(document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json json_id(const std::optional<CheckpointId>& id) {
  return id ? Json(id->value) : Json(nullptr);
}

Json json_time(const std::optional<std::int64_t>& ms) {
  return ms ? Json(iso_time(*ms)) : Json(nullptr);
}

Json json_number(const std::optional<double>& value) {
  if (!value) return nullptr;
  if (std::isfinite(*value)) return *value;
  return std::isnan(*value) ? "nan" : *value > 0 ? "inf" : "-inf";
}

Json json_checkpoint(const CheckpointInfo& checkpoint, std::optional<std::uint64_t> bytes_unique) {
  Json result;
  result["id"] = checkpoint.id.value;
  result["run"] = checkpoint.run;
  result["session"] = checkpoint.session.value;
  result["step"] = checkpoint.step;
  result["epoch"] = checkpoint.epoch;
  result["kind"] = to_string(checkpoint.kind);
  result["stability"] = to_string(checkpoint.stability);
  result["parent"] = json_id(checkpoint.parent);
  result["head"] = checkpoint.is_head;
  result["created_at"] = iso_time(checkpoint.created_at_ms);
  result["bytes_logical"] = checkpoint.bytes_logical;
  if (bytes_unique) result["bytes_unique"] = *bytes_unique;
  result["intact"] = checkpoint.intact;
  result["tags"] = checkpoint.tags;
  result["metrics"] = json_metrics(checkpoint.metrics);
  return result;
}

Json json_checkpoints(const Store& store, const std::vector<CheckpointInfo>& checkpoints) {
  std::vector<CheckpointId> ids;
  ids.reserve(checkpoints.size());
  for (const CheckpointInfo& checkpoint : checkpoints) ids.push_back(checkpoint.id);
  std::map<CheckpointId, std::uint64_t> unique = bytes_unique(store, ids);
  Json rows = Json::array();
  for (const CheckpointInfo& checkpoint : checkpoints) {
    rows.push_back(json_checkpoint(checkpoint, unique[checkpoint.id]));
  }
  return rows;
}

Json json_session(const SessionInfo& session, const SessionCost& cost) {
  return {{"id", session.id.value},
          {"run", session.run},
          {"state", to_string(session.state)},
          {"pid", session.pid},
          {"host", session.host},
          {"started_at", iso_time(session.started_at_ms)},
          {"ended_at", json_time(session.ended_at_ms)},
          {"resumed_from", json_id(session.resumed_from)},
          {"checkpoints", session.checkpoints},
          {"ending", cost.ending},
          {"last_step", cost.last_step ? Json(*cost.last_step) : Json()},
          {"steps_lost", cost.steps_lost},
          {"saves", cost.saves},
          {"failed_saves", cost.failed_saves},
          {"blocked_seconds", seconds(cost.blocked)},
          {"saving_seconds", seconds(cost.durable)},
          {"halted", cost.halted}};
}

Json json_event(const Event& event) {
  return {{"run", event.run},
          {"session", event.session.value},
          {"step", event.step},
          {"kind", event.kind},
          {"severity", to_string(event.severity)},
          {"message", event.message},
          {"detail", Json::parse(event.detail, nullptr, false)},
          {"recorded_at", iso_time(event.recorded_at_ms)}};
}

Json json_recovery(const Recovery& recovery) {
  return {{"id", recovery.id.value},
          {"run", recovery.run},
          {"session", recovery.session.value},
          {"step", recovery.step},
          {"epoch", recovery.epoch},
          {"failure", recovery.failure},
          {"action", recovery.action},
          {"outcome", to_string(recovery.outcome)},
          {"restored", json_id(recovery.restored)},
          {"resumed_step", recovery.resumed_step},
          {"detail", Json::parse(recovery.detail, nullptr, false)},
          {"recorded_at", iso_time(recovery.recorded_at_ms)}};
}

void add_report(Json& document, const ForgetReport& report) {
  Json& forgotten = document["forgotten"] = Json::array();
  for (const CheckpointId id : report.forgotten) forgotten.push_back(id.value);
  document["bytes_released"] = report.bytes_released;
}

}  // namespace lastgood::cli

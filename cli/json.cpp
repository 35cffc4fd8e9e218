#include "cli/json.h"

#include <cmath>
#include <map>

#include <lastgood/history.h>

#include "cli/units.h"

namespace lastgood::cli {

namespace {

/// Text, not null: a loss of nan is what a reader must be able to tell from a loss that nobody measured.
Json json_metrics(const std::map<std::string, double>& metrics) {
  Json result = Json::object();
  for (const auto& [name, value] : metrics) {
    if (std::isfinite(value)) {
      result[name] = value;
    } else {
      result[name] = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
  }
  return result;
}

}  // namespace

Json new_document() {
  Json document;
  document["schema"] = 1;
  return document;
}

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

Json json_checkpoint(const CheckpointInfo& checkpoint, std::uint64_t bytes_unique) {
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
  result["bytes_unique"] = bytes_unique;
  result["intact"] = checkpoint.intact;
  result["tags"] = checkpoint.tags;
  result["metrics"] = json_metrics(checkpoint.metrics);
  return result;
}

Json json_checkpoints(const Store& store, const std::vector<CheckpointInfo>& checkpoints) {
  std::vector<CheckpointId> ids;
  for (const CheckpointInfo& checkpoint : checkpoints) ids.push_back(checkpoint.id);
  std::map<CheckpointId, std::uint64_t> unique = bytes_unique(store, ids);
  Json rows = Json::array();
  for (const CheckpointInfo& checkpoint : checkpoints) {
    rows.push_back(json_checkpoint(checkpoint, unique[checkpoint.id]));
  }
  return rows;
}

void add_report(Json& document, const ForgetReport& report) {
  Json& forgotten = document["forgotten"] = Json::array();
  for (const CheckpointId id : report.forgotten) forgotten.push_back(id.value);
  document["bytes_released"] = report.bytes_released;
}

}  // namespace lastgood::cli

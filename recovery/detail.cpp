// Cut to size before it is written: lists may be as long as a model has tensors, and a row that the catalog refuses
// would lose the recovery that it tells of.
#include "recovery/detail.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace lastgood::recovery {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = 64 * 1024;  // what a row's detail may have
constexpr std::size_t kMostItems = 100;
constexpr std::size_t kMostText = 300;

json shortened(const std::vector<std::string>& texts, std::size_t most) {
  json kept = json::array();
  for (std::size_t i = 0; i < std::min(texts.size(), most); ++i) kept.push_back(texts[i].substr(0, kMostText));
  return kept;
}

/// With at most so many items of each list that has no bound of its own.
std::string write(const Detail& detail, std::size_t most) {
  json object{{"rung", detail.rung}, {"done", detail.done}};
  if (detail.newest_checkpoint) object["newest_checkpoint"] = detail.newest_checkpoint->value;
  if (!detail.errors.empty()) object["errors"] = shortened(detail.errors, most);
  if (!detail.tensors.empty()) object["tensors"] = shortened(detail.tensors, most);
  for (std::size_t i = 0; i < std::min(detail.passed_over.size(), most); ++i) {
    const auto& [what, why] = detail.passed_over[i];
    object["passed_over"].push_back({{"what", what.substr(0, kMostText)}, {"why", why.substr(0, kMostText)}});
  }
  for (const Change& change : detail.changes) {
    object["changes"].push_back(
        {{"knob", change.knob}, {"from", change.from}, {"to", change.to}, {"relative", change.relative}});
  }
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> texts_of(const json& object, const char* key) {
  std::vector<std::string> texts;
  for (const json& item : object.value(key, json::array())) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

Change read_change(const json& item) {
  return {item.value("knob", std::string()), item.value("from", 0.0), item.value("to", 0.0),
          item.value("relative", false)};
}

/// Throws what nlohmann throws for a value of another type.
Detail parse(const json& object) {
  Detail detail;
  detail.rung = object.value("rung", std::uint64_t{0});
  if (object.contains("newest_checkpoint")) {
    detail.newest_checkpoint = CheckpointId{object.at("newest_checkpoint").get<std::int64_t>()};
  }
  detail.done = texts_of(object, "done");
  detail.errors = texts_of(object, "errors");
  detail.tensors = texts_of(object, "tensors");
  for (const json& item : object.value("passed_over", json::array())) {
    detail.passed_over.emplace_back(item.value("what", std::string()), item.value("why", std::string()));
  }
  for (const json& item : object.value("changes", json::array())) detail.changes.push_back(read_change(item));
  return detail;
}

}  // namespace

Detail seen_in(const StepMetrics& metrics) {
  Detail detail;
  detail.errors = metrics.errors;
  detail.tensors = metrics.nan_tensors;
  detail.tensors.insert(detail.tensors.end(), metrics.inf_tensors.begin(), metrics.inf_tensors.end());
  return detail;
}

std::string write_detail(const Detail& detail) {
  // How long a text becomes in JSON depends on its characters: one of control characters alone, six times as long.
  std::size_t most = kMostItems;
  std::string text = write(detail, most);
  while (text.size() > kMostBytes && most > 0) text = write(detail, most /= 2);
  return text;
}

Detail read_detail(const Recovery& recovery) {
  const json object = json::parse(recovery.detail, nullptr, false);
  // A row of another program's, or damaged: nothing is known of it, and that must not stop a recovery.
  if (!object.is_object()) return {};
  try {
    return parse(object);
  } catch (const json::exception&) {
    return {};  // written by somebody else
  }
}

}  // namespace lastgood::recovery

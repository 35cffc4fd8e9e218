// JSON from elsewhere, of which nothing can be relied on, and JSON of ours. For .cpp files alone.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace lastgood::timeout {

/// Keys in the order in which they were added.
using Json = nlohmann::ordered_json;

/// Not an object where the text is none.
inline Json parse_json(const std::string& text) {
  return Json::parse(text, nullptr, false);
}

/// The text at a key; empty where there is none.
inline std::string text_at(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A number, or null where it is not finite.
inline Json json_number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

/// Names that are no UTF-8 are shown as well as can be.
inline std::string text_of(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lastgood::timeout

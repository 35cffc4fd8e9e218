// A document with a bare NaN or Infinity is refused by most parsers, and a null could not be told from a number that
// nobody measured: so they are words.
#include "monitor/json.h"

#include <cmath>

namespace lastgood::monitor {

Json json_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json json_number(const std::optional<double>& value) {
  return value ? json_number(*value) : Json(nullptr);
}

Json json_numbers(std::span<const double> values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(json_number(value));
  return list;
}

std::string text_of(const Json& document) {
  // Names of tensors and matrices are the user's, and need not be UTF-8.
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lastgood::monitor

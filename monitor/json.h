// JSON that any parser takes: no bare NaN, and names that need not be UTF-8. For .cpp files alone.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

namespace lastgood::monitor {

/// Keys in the order in which they were added.
using Json = nlohmann::ordered_json;

/// A number; "nan", "inf" or "-inf" where it is not finite.
Json json_number(double value);
/// A number, or null.
Json json_number(const std::optional<double>& value);
Json json_numbers(std::span<const double> values);
std::string text_of(const Json& document);

}  // namespace lastgood::monitor

// The rules that a record obeys on its way in and on its way out: one set, so that the two cannot drift apart. Pure
// functions, safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "store/format/record.h"

namespace lastgood::format {

/// Nothing where the text is not JSON, or nested deeper than kMaxJsonDepth. Never recurses. For any text from outside:
/// a file's header, metadata, a detail.
std::optional<nlohmann::json> parse_json(std::string_view text);

/// What is wrong with the record; nothing where it may be encoded.
std::optional<std::string> find_defect(const Record& record);

}  // namespace lastgood::format

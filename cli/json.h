// What the command prints with --json. Every document is an object with "schema": 1; keys are only ever added. One
// document a call, on one line; failures print one too (errors.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/gc.h>
#include <lastgood/store.h>
#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace lastgood::cli {

/// Keys in the order in which they were added.
using Json = nlohmann::ordered_json;

/// {"schema":1}
Json new_document();
void print(Output& out, const Json& document);

/// A value, or null.
Json json_id(const std::optional<CheckpointId>& id);
Json json_time(const std::optional<std::int64_t>& ms);

/// {"id","run","session","step","epoch","kind","stability","parent","head","created_at","bytes_logical","bytes_unique",
/// "intact","tags","metrics"}. JSON has no infinities: metrics that are not finite are "nan", "inf" or "-inf".
Json json_checkpoint(const CheckpointInfo& checkpoint, std::uint64_t bytes_unique);

/// An array of these. One that was forgotten since it was listed frees nothing any more: its bytes_unique is 0.
Json json_checkpoints(const Store& store, const std::vector<CheckpointInfo>& checkpoints);

/// {"forgotten":[id],"bytes_released"}
void add_report(Json& document, const ForgetReport& report);

}  // namespace lastgood::cli

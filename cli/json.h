// What the command prints with --json. Every document is an object with "schema": 1; keys are only ever added. One
// document a call, on one line; failures print one too (errors.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/gc.h>
#include <lastgood/session_cost.h>
#include <lastgood/store.h>
#include <lastgood/telemetry.h>
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
/// JSON has no infinities, and a loss of nan must be told from one that nobody measured: what is not finite is "nan",
/// "inf" or "-inf".
Json json_number(const std::optional<double>& value);

/// {"id","run","session","step","epoch","kind","stability","parent","head","created_at","bytes_logical","bytes_unique",
/// "intact","tags","metrics"}. Without "bytes_unique" where that is not given: it takes a walk over all blobs.
Json json_checkpoint(const CheckpointInfo& checkpoint, std::optional<std::uint64_t> bytes_unique);

/// An array of these. One that was forgotten since it was listed frees nothing any more: its bytes_unique is 0.
Json json_checkpoints(const Store& store, const std::vector<CheckpointInfo>& checkpoints);

/// {"id","run","state","pid","host","started_at","ended_at","resumed_from","checkpoints","ending","last_step","steps_lost",
/// "saves","failed_saves","blocked_seconds","saving_seconds","halted"}; the last eight are those of session_cost.h.
/// "state" is as the catalog has it, also where a halt led to that end.
Json json_session(const SessionInfo& session, const SessionCost& cost);

/// {"run","session","step","kind","severity","message","detail":{...},"recorded_at"}
Json json_event(const Event& event);

/// {"id","run","session","step","epoch","failure","action","outcome","restored","resumed_step","detail":{...},
/// "recorded_at"}
Json json_recovery(const Recovery& recovery);

/// {"forgotten":[id],"bytes_released"}
void add_report(Json& document, const ForgetReport& report);

}  // namespace lastgood::cli

// What `lastgood watch` knows of a run at one moment: from the store alone, in a handful of short reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/monitor.h>
#include <lastgood/store.h>
#include <lastgood/telemetry.h>

#include "cli/json.h"
#include "cli/records.h"

namespace lastgood::cli {

/// Lists are the newest so many, newest first; observations in the order of their steps.
struct RunView {
  static constexpr std::size_t kListed = 20;
  static constexpr std::size_t kObservations = 1000;

  /// When the newest session will end, as its trainer noted it.
  struct End {
    std::int64_t at_ms = 0;
    std::string source = {};
  };

  std::optional<RunInfo> run = {};  // nothing: the store has no runs yet
  std::size_t runs = 0;             // in the store
  HealthDashboard dashboard = {};
  std::vector<Observation> observations = {};  // of the branch that is trained on now, and of what led to it
  std::vector<SessionRecord> sessions = {};
  std::optional<End> end = {};  // only while the newest session is open
  std::optional<SaveCost> last_save = {};
  std::vector<CheckpointInfo> checkpoints = {};
  std::vector<Recovery> recoveries = {};
  std::vector<Event> alarms = {};  // warnings and worse, on all branches
};

/// Of `run`, or of the run of the newest session. Each list is a snapshot of its own. Errors: not_found (no such run);
/// those of the queries.
RunView look_at_run(const Store& store, const std::optional<std::string>& run);

/// {"schema":1,"run","head","health","health_score","step","loss","gradient_norm","learning_rate","ends_at","ends_by",
/// "last_save":{"step","checkpoint","bytes_new","blocked_seconds","saving_seconds","error","recorded_at"},
/// "last_stable","observations":[{"step","loss","gradient_norm","learning_rate","health","recorded_at"}],
/// "sessions":[...],"checkpoints":[...],"recoveries":[...],"alarms":[...]}; the last four as json.h has them. null for
/// what is not known; "run" is null in a store without runs.
Json json_run_view(const RunView& view);

}  // namespace lastgood::cli

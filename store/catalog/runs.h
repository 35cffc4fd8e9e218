// Runs and sessions. Each function runs inside a transaction of the caller's. Locks are not taken here: who changes a
// head, or begins and ends a session, holds the run's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/history.h>

#include "store/catalog/rows.h"

namespace lastgood::catalog {

class Connection;

/// The run of this name, made where it is not there. Names follow the rules of entries' names, up to 256 bytes.
RunId find_or_create_run(Connection& db, const std::string& name);
/// By the unique index over names.
std::optional<RunId> find_run(Connection& db, const std::string& name);
/// By name. Counts checkpoints by checkpoint_run and sessions by session_run.
std::vector<RunInfo> list_runs(Connection& db);

/// From where does the run go on? By the key. Nothing for a run that is gone, too.
std::optional<CheckpointId> head(Connection& db, RunId run);
/// Throws Error(invalid_argument) where the checkpoint belongs to another run, not_found where it is gone.
void set_head(Connection& db, RunId run, std::optional<CheckpointId> checkpoint);

struct NewSession {
  RunId run;
  format::Uuid uuid;
  std::int64_t pid = 0;
  std::string host;
};
/// Marks sessions of the run that are still open as crashed (the caller holds the run's lock) and adds a new one.
SessionId begin_session(Connection& db, const NewSession& session);
/// By the key. Throws Error(not_found).
void end_session(Connection& db, SessionId session, SessionState state);
/// With `uuid` as given, for rebuild: ended, of unknown process. `started_at_ms`: as early as is known.
SessionId restore_session(Connection& db, RunId run, const format::Uuid& uuid, std::int64_t started_at_ms);
/// Newest first. Of one run by session_run; each one's checkpoints are counted by checkpoint_session.
std::vector<SessionInfo> list_sessions(Connection& db, const std::optional<std::string>& run);

StoreStats stats(Connection& db);  // what the catalog knows: bytes_on_disk and catalog_bytes stay 0

}  // namespace lastgood::catalog

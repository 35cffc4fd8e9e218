// A session is open until its end is committed, or until the run's next one finds its lock free. So "crashed" is always
// somebody else's finding, and never has a time.
#include "store/catalog/connection.h"
#include "store/catalog/now.h"
#include "store/catalog/runs.h"

namespace lastgood::catalog {
namespace {

SessionState session_state(Connection& db, std::string_view name) {
  for (const SessionState state :
       {SessionState::open, SessionState::completed, SessionState::interrupted, SessionState::crashed}) {
    if (name == to_string(state)) return state;
  }
  db.corrupt("the session state '" + std::string(name) + "'");
}

SessionInfo read_session(Connection& db, const Statement& row) {
  SessionInfo info;
  info.id = row.id<SessionId>(0);
  info.run = row.text(1);
  info.state = session_state(db, row.text(2));
  info.pid = row.integer(3);
  info.host = row.text(4);
  info.started_at_ms = row.integer(5);
  if (!row.is_null(6)) info.ended_at_ms = row.integer(6);
  info.resumed_from = row.optional_id<CheckpointId>(7);
  info.checkpoints = row.count(8);
  return info;
}

}  // namespace

/// The head at this moment is what the session resumes from, and is protected from being forgotten as long as it is
/// open.
SessionId begin_session(Connection& db, const NewSession& session) {
  // When a crashed session ended, nobody knows.
  Statement(db, "UPDATE session SET state = ?2 WHERE run_id = ?1 AND state = ?3", session.run,
            static_cast<int>(SessionState::crashed), static_cast<int>(SessionState::open))
      .run();
  Statement(db,
            "INSERT INTO session(uuid, run_id, state, pid, host, started_at_ms, resumed_from) "
            "SELECT ?1, id, ?3, ?4, ?5, ?6, head FROM run WHERE id = ?2",
            session.uuid, session.run, static_cast<int>(SessionState::open), session.pid, session.host, now_ms())
      .run();
  if (db.changes() != 1) {
    const std::string id = std::to_string(session.run.value);
    throw Error(ErrorCode::not_found, id, "there is no run with the id " + id);
  }
  return SessionId{db.last_insert_id()};
}

void end_session(Connection& db, SessionId session, SessionState state) {
  Statement(db, "UPDATE session SET state = ?2, ended_at_ms = ?3 WHERE id = ?1", session, static_cast<int>(state),
            now_ms())
      .run();
  if (db.changes() != 1) {
    const std::string id = std::to_string(session.value);
    throw Error(ErrorCode::not_found, id, "there is no session with the id " + id);
  }
}

SessionId restore_session(Connection& db, RunId run, const format::Uuid& uuid, std::int64_t started_at_ms) {
  // How it ended is not in the packs; `interrupted` claims the least.
  Statement(db, "INSERT INTO session(uuid, run_id, state, pid, host, started_at_ms) VALUES (?1, ?2, ?3, 0, '', ?4)",
            uuid, run, static_cast<int>(SessionState::interrupted), started_at_ms)
      .run();
  return SessionId{db.last_insert_id()};
}

std::vector<SessionInfo> list_sessions(Connection& db, const std::optional<std::string>& run) {
  const std::string columns =
      "SELECT id, run, state, pid, host, started_at_ms, ended_at_ms, resumed_from, checkpoints FROM v_sessions ";
  Statement query(db, columns + (run ? "WHERE run = ?1 ORDER BY id DESC" : "ORDER BY id DESC"));
  if (run) query.bind(1, *run);
  std::vector<SessionInfo> sessions;
  while (query.step()) sessions.push_back(read_session(db, query));
  return sessions;
}

}  // namespace lastgood::catalog

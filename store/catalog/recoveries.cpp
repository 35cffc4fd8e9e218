// One row for each attempt, written when it was made and once more when its end is known. Rows are never deleted: the
// newest attempts of a run decide what a recovery does next.
#include "store/catalog/connection.h"
#include "store/catalog/now.h"
#include "store/catalog/schema.h"
#include "store/catalog/telemetry.h"

namespace lastgood::catalog {
namespace {

Recovery read_recovery(const Statement& row) {
  Recovery recovery;
  recovery.id = row.id<RecoveryId>(0);
  recovery.step = row.integer(1);
  recovery.epoch = row.integer(2);
  recovery.failure = row.text(3);
  recovery.action = row.text(4);
  recovery.outcome = row.enumerator(5, RecoveryOutcome::probation, RecoveryOutcome::halted);
  recovery.restored = row.optional_id<CheckpointId>(6);
  recovery.resumed_step = row.integer(7);
  recovery.detail = row.text(8);
  recovery.run = row.text(9);
  recovery.session = row.id<SessionId>(10);
  recovery.recorded_at_ms = row.integer(11);
  return recovery;
}

}  // namespace

RecoveryId insert_recovery(Connection& db, BranchId branch, const Recovery& recovery) {
  Statement(db,
            "INSERT INTO recovery(branch_id, step, epoch, recorded_at_ms, failure, action, outcome, restored, "
            "resumed_step, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            branch, recovery.step, recovery.epoch, now_ms(), recovery.failure, recovery.action,
            static_cast<int>(recovery.outcome), recovery.restored, recovery.resumed_step, recovery.detail)
      .run();
  return RecoveryId{db.last_insert_id()};
}

// Not when, where and what failed: those were facts when the row was made.
void update_recovery(Connection& db, const Recovery& recovery) {
  Statement(db,
            "UPDATE recovery SET action = ?2, outcome = ?3, restored = ?4, resumed_step = ?5, detail = ?6 "
            "WHERE id = ?1",
            recovery.id, recovery.action, static_cast<int>(recovery.outcome), recovery.restored, recovery.resumed_step,
            recovery.detail)
      .run();
  if (db.changes() != 1) {
    const std::string id = std::to_string(recovery.id.value);
    throw Error(ErrorCode::not_found, id, "there is no recovery with the id " + id);
  }
}

std::vector<Recovery> list_recoveries(Connection& db, const std::optional<std::string>& run) {
  std::vector<Recovery> recoveries;
  if (!has_telemetry(db)) return recoveries;
  Statement rows(db,
                 "SELECT x.id, x.step, x.epoch, x.failure, x.action, x.outcome, x.restored, x.resumed_step, x.detail, "
                 "r.name, b.session_id, x.recorded_at_ms FROM recovery AS x CROSS JOIN branch AS b "
                 "ON b.id = x.branch_id CROSS JOIN session AS s ON s.id = b.session_id "
                 "CROSS JOIN run AS r ON r.id = s.run_id WHERE (?1 IS NULL OR r.name = ?1) ORDER BY x.id DESC",
                 run);
  while (rows.step()) recoveries.push_back(read_recovery(rows));
  return recoveries;
}

}  // namespace lastgood::catalog

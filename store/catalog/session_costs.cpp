// Reckoned when it is asked for, from what saves and steps have recorded: nobody keeps totals up to date. In one
// statement, so that all columns are of one moment.
#include "store/catalog/session_costs.h"

#include <algorithm>

#include <lastgood/checkpoint.h>
#include <lastgood/telemetry.h>

#include "store/catalog/connection.h"
#include "store/catalog/schema.h"

namespace lastgood::catalog {
namespace {

// A session's newest branch is what its training stood on at the end. The costs of its saves tell what was saved, also
// of checkpoints that were forgotten. Earlier versions could lose the newest of them in a crash: for those, a
// checkpoint lies on the branch that is newer than its beginning.
constexpr char kCosts[] = R"sql(
SELECT s.id, s.state,
  max(coalesce((SELECT max(o.step) FROM observation AS o WHERE o.branch_id = b.id), -1),
      coalesce((SELECT max(e.step) FROM event AS e WHERE e.branch_id = b.id), -1),
      coalesce((SELECT max(c.step) FROM save_cost AS c WHERE c.branch_id = b.id), -1),
      coalesce((SELECT max(k.step) FROM checkpoint AS k WHERE k.session_id = s.id AND k.id > b.after_checkpoint), -1)),
  max(b.base_step, 0,
      coalesce((SELECT max(c.step) FROM save_cost AS c WHERE c.branch_id = b.id AND c.checkpoint_id IS NOT NULL), 0),
      coalesce((SELECT max(k.step) FROM checkpoint AS k WHERE k.session_id = s.id AND k.id > b.after_checkpoint), 0)),
  (SELECT count(c.checkpoint_id) FROM save_cost AS c JOIN branch AS x ON x.id = c.branch_id WHERE x.session_id = s.id),
  (SELECT count(*) - count(c.checkpoint_id) FROM save_cost AS c JOIN branch AS x ON x.id = c.branch_id
   WHERE x.session_id = s.id),
  (SELECT coalesce(sum(c.blocked_us), 0) FROM save_cost AS c JOIN branch AS x ON x.id = c.branch_id
   WHERE x.session_id = s.id),
  (SELECT coalesce(sum(c.durable_us), 0) FROM save_cost AS c JOIN branch AS x ON x.id = c.branch_id
   WHERE x.session_id = s.id),
  coalesce((SELECT e.message FROM event AS e JOIN branch AS x ON x.id = e.branch_id
            WHERE x.session_id = s.id AND e.kind = ?2 ORDER BY e.id DESC LIMIT 1), ''),
  coalesce((SELECT y.outcome = ?3 FROM recovery AS y JOIN branch AS x ON x.id = y.branch_id
            WHERE x.session_id = s.id ORDER BY y.id DESC LIMIT 1), 0)
FROM session AS s JOIN run AS r ON r.id = s.run_id
  JOIN branch AS b ON b.id = (SELECT max(x.id) FROM branch AS x WHERE x.session_id = s.id)
WHERE ?1 IS NULL OR r.name = ?1 ORDER BY s.id DESC
)sql";

}  // namespace

std::vector<SessionCost> list_session_costs(Connection& db, const std::optional<std::string>& run) {
  std::vector<SessionCost> costs;
  if (!has_telemetry(db)) return costs;
  Statement rows(db, kCosts, run, std::string(kSessionEnding), static_cast<int>(RecoveryOutcome::halted));
  while (rows.step()) {
    SessionCost cost;
    cost.session = rows.id<SessionId>(0);
    const bool completed = rows.enumerator(1, SessionState::open, SessionState::crashed) == SessionState::completed;
    if (rows.integer(2) >= 0) cost.last_step = rows.integer(2);
    cost.saved_step = rows.integer(3);
    if (cost.last_step && !completed) cost.steps_lost = std::max<Step>(*cost.last_step - cost.saved_step, 0);
    cost.saves = rows.count(4);
    cost.failed_saves = rows.count(5);
    cost.blocked = std::chrono::microseconds(rows.integer(6));
    cost.durable = std::chrono::microseconds(rows.integer(7));
    cost.ending = rows.text(8);
    cost.halted = rows.boolean(9) && !completed;
    costs.push_back(std::move(cost));
  }
  return costs;
}

}  // namespace lastgood::catalog

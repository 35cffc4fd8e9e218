// Inserts are for batches, questions for people and for a resume. In a question, CROSS JOIN fixes the order of the
// loops: the rows that are asked for first, then their branch, session and run by their keys.
#include "store/catalog/telemetry.h"

#include "store/catalog/connection.h"
#include "store/catalog/lineage.h"
#include "store/catalog/schema.h"

namespace lastgood::catalog {
namespace {

void insert_events(Connection& db, BranchId branch, std::span<const Event> events) {
  Statement insert(db,
                   "INSERT INTO event(branch_id, step, recorded_at_ms, kind, severity, message, detail) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  for (const Event& event : events) {
    insert.run_with(branch, event.step, event.recorded_at_ms, event.kind, static_cast<int>(event.severity),
                    event.message, event.detail);
  }
}

bool complete_cost(Connection& db, BranchId branch, const SaveCost& cost) {
  if (!cost.checkpoint) return false;
  Statement(db,
            "UPDATE save_cost SET recorded_at_ms = ?3, blocked_us = ?4, durable_us = ?5 "
            "WHERE branch_id = ?1 AND checkpoint_id = ?2",
            branch, *cost.checkpoint, cost.recorded_at_ms, std::int64_t{cost.blocked.count()},
            std::int64_t{cost.durable.count()})
      .run();
  return db.changes() != 0;
}

Event read_event(const Statement& row) {
  Event event;
  event.step = row.integer(0);
  event.kind = row.text(1);
  event.severity = row.enumerator(2, Severity::info, Severity::critical);
  event.message = row.text(3);
  event.detail = row.text(4);
  event.run = row.text(5);
  event.session = row.id<SessionId>(6);
  event.recorded_at_ms = row.integer(7);
  return event;
}

SaveCost read_cost(const Statement& row) {
  SaveCost cost;
  cost.step = row.integer(0);
  cost.kind = row.enumerator(1, CheckpointKind::regular, CheckpointKind::imported);
  cost.checkpoint = row.optional_id<CheckpointId>(2);
  cost.bytes_logical = row.count(3);
  cost.bytes_new = row.count(4);
  cost.blocked = std::chrono::microseconds(row.integer(5));
  cost.durable = std::chrono::microseconds(row.integer(6));
  cost.error = row.text(7);
  cost.session = row.id<SessionId>(8);
  cost.recorded_at_ms = row.integer(9);
  return cost;
}

std::int64_t sql_limit(std::uint64_t limit) {
  return limit == 0 ? -1 : static_cast<std::int64_t>(limit);
}

/// All branches where `stretch` is null.
void append(Connection& db, const EventQuery& query, const Stretch* stretch, std::vector<Event>& newest_first) {
  const std::uint64_t left = query.limit == 0 ? 0 : query.limit - newest_first.size();
  const Stretch steps = stretch != nullptr ? *stretch : Stretch{};
  // Two texts, so that the one for a branch walks the branch's index; ?5 is in both, as all parameters are bound.
  Statement rows(db,
                 "SELECT e.step, e.kind, e.severity, e.message, e.detail, r.name, b.session_id, e.recorded_at_ms "
                 "FROM event AS e CROSS JOIN branch AS b ON b.id = e.branch_id "
                 "CROSS JOIN session AS s ON s.id = b.session_id CROSS JOIN run AS r ON r.id = s.run_id "
                 "WHERE (?1 IS NULL OR r.name = ?1) AND (?2 IS NULL OR b.session_id = ?2) AND e.severity >= ?3 " +
                     std::string(stretch != nullptr ? "AND e.branch_id = ?5 " : "AND ?5 = 0 ") +
                     "AND e.step > ?6 AND e.step <= ?7 ORDER BY e.id DESC LIMIT ?4",
                 query.run, query.session, static_cast<int>(query.at_least), sql_limit(left), steps.branch, steps.after,
                 steps.last);
  while (rows.step()) newest_first.push_back(read_event(rows));
}

}  // namespace

/// -1 stands for "before all steps". The highest id tells later which checkpoints lie on this branch: those above it.
BranchId begin_branch(Connection& db, SessionId session, std::optional<CheckpointId> base) {
  Statement(db,
            "INSERT INTO branch(session_id, base, base_step, after_checkpoint) VALUES (?1, ?2, "
            "coalesce((SELECT step FROM checkpoint WHERE id = ?2), -1), coalesce((SELECT max(id) FROM checkpoint), 0))",
            session, base)
      .run();
  return BranchId{db.last_insert_id()};
}

void insert_costs(Connection& db, BranchId branch, std::span<const SaveCost> costs) {
  Statement insert(db,
                   "INSERT INTO save_cost(branch_id, step, recorded_at_ms, kind, checkpoint_id, bytes_logical, "
                   "bytes_new, blocked_us, durable_us, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  for (const SaveCost& cost : costs) {
    if (complete_cost(db, branch, cost)) continue;
    insert.run_with(branch, cost.step, cost.recorded_at_ms, static_cast<int>(cost.kind), cost.checkpoint,
                    cost.bytes_logical, cost.bytes_new, std::int64_t{cost.blocked.count()},
                    std::int64_t{cost.durable.count()}, cost.error);
  }
}

void insert_telemetry(Connection& db, BranchId branch, const TelemetryBatch& batch) {
  insert_observations(db, branch, batch.observations);
  insert_events(db, branch, batch.events);
  insert_costs(db, branch, batch.costs);
}

std::vector<Event> list_events(Connection& db, const EventQuery& query) {
  std::vector<Event> events;
  if (!has_telemetry(db)) return events;
  if (!query.lineage_only && !query.leading_to) {
    append(db, query, nullptr, events);
    return events;
  }
  for (LineageWalk walk(db, query.run, query.leading_to); const auto stretch = walk.next();) {
    append(db, query, &*stretch, events);
    if (query.limit != 0 && events.size() >= query.limit) break;
  }
  return events;
}

std::vector<SaveCost> list_save_costs(Connection& db, const std::optional<std::string>& run, std::uint64_t limit) {
  std::vector<SaveCost> costs;
  if (!has_telemetry(db)) return costs;
  Statement rows(db,
                 "SELECT c.step, c.kind, c.checkpoint_id, c.bytes_logical, c.bytes_new, c.blocked_us, c.durable_us, "
                 "c.error, b.session_id, c.recorded_at_ms FROM save_cost AS c CROSS JOIN branch AS b "
                 "ON b.id = c.branch_id CROSS JOIN session AS s ON s.id = b.session_id "
                 "CROSS JOIN run AS r ON r.id = s.run_id WHERE (?1 IS NULL OR r.name = ?1) "
                 "ORDER BY c.id DESC LIMIT ?2",
                 run, sql_limit(limit));
  while (rows.step()) costs.push_back(read_cost(rows));
  return costs;
}

}  // namespace lastgood::catalog

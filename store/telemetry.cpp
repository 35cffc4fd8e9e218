// Questions about what sessions recorded, each in a snapshot of its own. Writing is the session's task, in
// session_telemetry.cpp. The words below are values in the public views: one that was given out never changes.
#include <lastgood/telemetry.h>

#include <lastgood/session_cost.h>

#include "store/catalog/checkpoints.h"
#include "store/catalog/session_costs.h"
#include "store/catalog/telemetry.h"
#include "store/query.h"

namespace lastgood {

const char* to_string(Health health) noexcept {
  switch (health) {
    case Health::unchecked: return "unchecked";
    case Health::healthy: return "healthy";
    case Health::warning: return "warning";
    case Health::critical: return "critical";
  }
  return "unknown";
}

const char* to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: return "critical";
  }
  return "unknown";
}

const char* to_string(RecoveryOutcome outcome) noexcept {
  switch (outcome) {
    case RecoveryOutcome::probation: return "probation";
    case RecoveryOutcome::succeeded: return "succeeded";
    case RecoveryOutcome::relapsed: return "relapsed";
    case RecoveryOutcome::failed: return "failed";
    case RecoveryOutcome::halted: return "halted";
  }
  return "unknown";
}

// A checkpoint that is not there is an error and not an empty answer: "no observations led to it" would be believed.
std::vector<Observation> list_observations(const Store& store, const ObservationQuery& query) {
  return lastgood::query(store, [&](catalog::Connection& db) {
    if (query.leading_to) require_checkpoint(db, *query.leading_to);
    return catalog::list_observations(db, query);
  });
}

std::vector<Event> list_events(const Store& store, const EventQuery& query) {
  return lastgood::query(store, [&](catalog::Connection& db) {
    if (query.leading_to) require_checkpoint(db, *query.leading_to);
    return catalog::list_events(db, query);
  });
}

std::vector<Recovery> list_recoveries(const Store& store, const std::optional<std::string>& run) {
  return query(store, [&](catalog::Connection& db) { return catalog::list_recoveries(db, run); });
}

std::vector<SaveCost> list_save_costs(const Store& store, const std::optional<std::string>& run, std::uint64_t limit) {
  return query(store, [&](catalog::Connection& db) { return catalog::list_save_costs(db, run, limit); });
}

std::vector<SessionCost> list_session_costs(const Store& store, const std::optional<std::string>& run) {
  return query(store, [&](catalog::Connection& db) { return catalog::list_session_costs(db, run); });
}

}  // namespace lastgood

// What each session cost, by its telemetry. Inside a transaction of the caller's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <lastgood/session_cost.h>

namespace lastgood::catalog {

class Connection;

/// What did each session do, save and lose? Newest first; a read transaction will do. Sessions of before version 2 have
/// none; a catalog of version 1 has no sessions with one. Walks the sessions, and of each the branches by
/// branch_session, observations by their key, events and costs by their branch's index.
std::vector<SessionCost> list_session_costs(Connection& db, const std::optional<std::string>& run);

}  // namespace lastgood::catalog

// forget(): one durable transaction that checks and deletes, so that what became protected since the question was asked
// (a head, a tag, a resume target) is seen. Only rows go: the bytes stay until a collection finds that nothing needs
// them.
#include <algorithm>
#include <map>
#include <set>

#include <lastgood/gc.h>
#include <lastgood/history.h>

#include "store/catalog/checkpoints.h"
#include "store/catalog/runs.h"
#include "store/names.h"
#include "store/nearest.h"
#include "store/query.h"
#include "store/retention.h"

namespace lastgood {

namespace {

using catalog::Connection;

/// Sorted, each once.
std::vector<CheckpointId> distinct(std::span<const CheckpointId> checkpoints) {
  const std::set<CheckpointId> ids(checkpoints.begin(), checkpoints.end());
  return {ids.begin(), ids.end()};
}

void refuse_protected(Connection& db, const std::vector<CheckpointId>& checkpoints) {
  // A head is often tagged and the newest stable one as well: each checkpoint is named once, with all its reasons.
  std::map<CheckpointId, std::string> reasons;
  for (const catalog::Protection& protection : catalog::protections(db)) {
    if (!std::binary_search(checkpoints.begin(), checkpoints.end(), protection.checkpoint)) continue;
    std::string& text = reasons[protection.checkpoint];
    text += (text.empty() ? " is " : ", ") + protection.reason;
  }
  if (reasons.empty()) return;
  std::string all;
  for (const auto& [id, text] : reasons) {
    all += (all.empty() ? "checkpoint " : "; checkpoint ") + std::to_string(id.value) + text;
  }
  throw Error(ErrorCode::invalid_argument, std::to_string(reasons.begin()->first.value),
              all + ": nothing was forgotten; leave out what is protected, or lift its protection first");
}

ForgetReport check_and_measure(Connection& db, const std::vector<CheckpointId>& checkpoints) {
  for (const CheckpointId id : checkpoints) require_checkpoint(db, id);
  refuse_protected(db, checkpoints);
  return {checkpoints, catalog::bytes_only_in(db, checkpoints)};
}

void require_run(Connection& db, const std::string& name) {
  if (catalog::find_run(db, name)) return;
  std::vector<std::string> known;
  for (const RunInfo& run : catalog::list_runs(db)) known.push_back(run.name);
  const std::string shown = printable(name);
  throw Error(ErrorCode::not_found, shown,
              "there is no run '" + shown + "'" + did_you_mean(nearest_names(name, known)));
}

struct History {
  std::vector<CheckpointInfo> newest_first;
  std::vector<catalog::Protection> protections;
};

History history_of(Connection& db, const std::optional<std::string>& run) {
  if (run) require_run(db, *run);
  return {catalog::list_checkpoints(db, ListQuery{run, std::nullopt, 0}), catalog::protections(db)};
}

/// A mistyped metric must not let everything go.
void require_metric(const RetentionPolicy& policy, const std::vector<CheckpointInfo>& checkpoints) {
  if (!policy.best_metric || checkpoints.empty()) return;
  std::set<std::string> names;
  for (const CheckpointInfo& checkpoint : checkpoints) {
    for (const auto& [name, value] : checkpoint.metrics) names.insert(name);
  }
  if (names.contains(*policy.best_metric)) return;
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw Error(
      ErrorCode::invalid_argument, *policy.best_metric,
      "no checkpoint has the metric '" + *policy.best_metric + "'; there are: " + (known.empty() ? "none" : known));
}

}  // namespace

std::vector<CheckpointInfo> expired(const Store& store, const RetentionPolicy& policy) {
  check_policy(policy);
  const History history = query(store, [&](Connection& db) { return history_of(db, policy.run); });
  require_metric(policy, history.newest_first);
  std::map<std::string, std::vector<CheckpointInfo>> runs;
  for (const CheckpointInfo& checkpoint : history.newest_first) runs[checkpoint.run].push_back(checkpoint);
  std::set<CheckpointId> kept;
  for (const auto& [run, newest_first] : runs) {
    for (const CheckpointId id : kept_by(policy, newest_first)) kept.insert(id);
  }
  for (const catalog::Protection& protection : history.protections) kept.insert(protection.checkpoint);
  std::vector<CheckpointInfo> gone;
  for (auto it = history.newest_first.rbegin(); it != history.newest_first.rend(); ++it) {
    if (!kept.contains(it->id)) gone.push_back(*it);
  }
  return gone;
}

ForgetReport forget(const Store& store, std::span<const CheckpointId> checkpoints, bool dry_run) {
  const std::vector<CheckpointId> ids = distinct(checkpoints);
  if (dry_run) {
    return query(store, [&](Connection& db) { return check_and_measure(db, ids); });
  }
  ForgetReport report;
  store.impl().use_for_writing().write(catalog::Durability::durable, [&](Connection& db) {
    report = check_and_measure(db, ids);
    catalog::delete_checkpoints(db, ids);
  });
  return report;
}

}  // namespace lastgood

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
#include "store/soundness.h"

namespace lastgood {

namespace {

using catalog::Connection;

/// Sorted, each once.
/// For the binary search below, and so that no reference is given back twice.
std::vector<CheckpointId> distinct(std::span<const CheckpointId> checkpoints) {
  const std::set<CheckpointId> ids(checkpoints.begin(), checkpoints.end());
  return {ids.begin(), ids.end()};
}

/// All or nothing: one protected checkpoint refuses the whole call.
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

/// Judges the checkpoints of one run by the policy and by what their packs have. Only what may be kept is looked at.
/// For one run at a time; the check is shared, since runs share blobs.
class Keeper {
 public:
  Keeper(const StoreImpl& store, SoundnessCheck& check) : store_(store), check_(check) {}

  std::set<CheckpointId> kept(const RetentionPolicy& policy, std::vector<CheckpointInfo>& newest_first,
                              const std::set<CheckpointId>& protected_ids) {
    std::set<CheckpointId> kept;
    // Ends: each further round has found at least one more that is broken.
    do {
      // What is found broken does not count: the rules go on to older ones, which want a look of their own.
      const std::vector<CheckpointId> ids = kept_by(policy, newest_first);
      kept = {ids.begin(), ids.end()};
      for (const CheckpointInfo& one : newest_first) {
        if (protected_ids.contains(one.id)) kept.insert(one.id);
      }
    } while (find_broken(newest_first, kept));
    keep_one_whole(newest_first, kept);
    return kept;
  }

 private:
  /// Looks at each once. What it finds is entered into `checkpoint`, for the rules to see.
  bool is_whole(CheckpointInfo& checkpoint) {
    if (!checkpoint.intact || !looked_at_.insert(checkpoint.id).second) return checkpoint.intact;
    const auto defect = check_.defect_of(checkpoint.id);
    if (!defect) return true;
    checkpoint.intact = false;
    store_.warn("checkpoint " + std::to_string(checkpoint.id.value) + " is damaged (" + *defect +
                ") and does not count as kept; run `lastgood verify` to see more");
    return false;
  }

  bool find_broken(std::vector<CheckpointInfo>& checkpoints, const std::set<CheckpointId>& kept) {
    bool found = false;
    for (CheckpointInfo& one : checkpoints) {
      if (kept.contains(one.id) && one.intact && !is_whole(one)) found = true;
    }
    return found;
  }

  /// Rules that do not count (every N steps, within a time) may have kept broken ones only.
  void keep_one_whole(std::vector<CheckpointInfo>& newest_first, std::set<CheckpointId>& kept) {
    for (const CheckpointInfo& one : newest_first) {
      if (kept.contains(one.id) && one.intact) return;
    }
    if (kept.empty()) return;
    const auto whole = std::ranges::find_if(newest_first, [&](CheckpointInfo& one) { return is_whole(one); });
    if (whole != newest_first.end()) kept.insert(whole->id);
  }

  const StoreImpl& store_;
  SoundnessCheck& check_;
  std::set<CheckpointId> looked_at_;
};

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

// Oldest first, as a person wants to read what is about to go.
std::vector<CheckpointInfo> expired(const Store& store, const RetentionPolicy& policy) {
  check_policy(policy);
  const History history = query(store, [&](Connection& db) { return history_of(db, policy.run); });
  require_metric(policy, history.newest_first);
  // Judged from one snapshot, and then from packs that may change meanwhile. forget() checks all that must hold again,
  // in its own transaction.
  std::map<std::string, std::vector<CheckpointInfo>> runs;
  for (const CheckpointInfo& checkpoint : history.newest_first) runs[checkpoint.run].push_back(checkpoint);
  std::set<CheckpointId> protected_ids;
  for (const catalog::Protection& protection : history.protections) protected_ids.insert(protection.checkpoint);
  SoundnessCheck check(store.impl());
  std::set<CheckpointId> kept;
  for (auto& [run, newest_first] : runs) {
    kept.merge(Keeper(store.impl(), check).kept(policy, newest_first, protected_ids));
  }
  std::vector<CheckpointInfo> gone;
  for (auto it = history.newest_first.rbegin(); it != history.newest_first.rend(); ++it) {
    if (!kept.contains(it->id)) gone.push_back(*it);
  }
  return gone;
}

// A dry run asks the same questions in a read transaction: what it tells is true of that moment alone.
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

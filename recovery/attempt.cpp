// A recovery, step by step:
//   1. An attempt that was on probation has relapsed: that is noted first, so that a crash from here on does not
//      forget it.
//   2. Past the budget: the halt is noted, with the diagnosis, and nothing is touched.
//   3. The rung that is due is taken: rollback (verified, all or nothing), the adjustments that the checkpoint does not
//      have yet, then the rung's own. A knob at its limit leads to the next rung, without another rollback.
//   4. The attempt is noted, durable. Where no rung was left, so is the halt. A crash between 3 and 4 loses the
//   attempt's note with the process it was made in:
//      the next one resumes from the head, which the rollback has moved, and meets the failure anew.
#include <algorithm>
#include <utility>

#include <lastgood/history.h>

#include "recovery/actions.h"
#include "recovery/detail.h"
#include "recovery/impl.h"
#include "recovery/rollback.h"

namespace lastgood::recovery {
namespace {

/// One attempt: takes rungs until one is done.
class Attempt {
 public:
  Attempt(AutoRecovery::Impl& impl, std::string failure, Step step, std::int64_t epoch)
      : impl_(impl), failure_(std::move(failure)), step_(step), epoch_(epoch), detail_(seen_in(impl.latest)) {
    result_.step = step;
    result_.epoch = epoch;
    const auto newest = list_checkpoints(impl.store, {.run = impl.session.run(), .limit = 1});
    // Taken before anything is done: checkpoints above it were saved with this attempt's changes.
    if (!newest.empty()) detail_.newest_checkpoint = newest.front().id;
  }

  RecoveryResult run() {
    const Ladder& ladder = impl_.ladder(failure_);
    for (std::size_t rung = impl_.rung_for(failure_); rung < ladder.size() && !result_.success; ++rung) {
      detail_.rung = rung;
      result_.success = take(ladder[rung]);
      // No other rung has a better way back.
      if (result_.action == kNoWayBack) break;
    }
    note();
    return result_;
  }

 private:
  static constexpr const char* kNoWayBack = "no_stable_checkpoint";

  /// True when the rung did what it is there for: its adjustments, or where it has none, all of it.
  bool take(const Rung& rung) {
    const bool adjusts = std::any_of(rung.begin(), rung.end(), is_adjustment);
    bool adjusted = false;
    for (const std::string& action : rung) {
      if (is_adjustment(action)) {
        adjusted = adjust(action) || adjusted;
      } else if (!prepare(action)) {
        return false;
      }
    }
    return adjusted || !adjusts || (result_.restored && !impl_.options.enable_auto_adjustment);
  }

  /// The result names the last action that was done: usually the rung's adjustment.
  void mark_done(const std::string& action) {
    detail_.done.push_back(action);
    result_.action = action;
  }

  bool adjust(const std::string& action) {
    if (!impl_.options.enable_auto_adjustment) {
      detail_.passed_over.emplace_back(action, "adjustments are turned off");
      return false;
    }
    // Without a rollback, the batches of the failed step alone.
    const Step first = result_.restored ? result_.step + 1 : step_;
    ActionOutcome outcome = recovery::adjust(action, impl_.target, impl_.options, {first, step_});
    if (!outcome.done) {
      detail_.passed_over.emplace_back(action, outcome.why_not);
      if (result_.action.empty()) result_.action = action;
      return false;
    }
    detail_.changes.insert(detail_.changes.end(), outcome.changes.begin(), outcome.changes.end());
    mark_done(action);
    moves_scale_ = moves_scale_ || action == "reduce_batch_size" || action == "upgrade_precision";
    return true;
  }

  /// What comes before the adjustments. False: there is no way on.
  bool prepare(const std::string& action) {
    if (action == "rollback_checkpoint") return go_back();
    if (action == "clear_cuda_cache" && impl_.target.clear_cache) {
      impl_.target.clear_cache();
      mark_done(action);
    }
    if (action == "save_checkpoint" && impl_.target.save) return save();
    return true;
  }

  /// Nothing half: a state that an optimizer's step was interrupted in is not saved but left, for a checkpoint.
  bool save() {
    if (!impl_.is_torn()) {
      save_whole();
      return true;
    }
    if (!result_.restored) {
      detail_.passed_over.emplace_back("save_checkpoint", "the failure came in the middle of a change to the state");
    }
    return go_back();
  }

  /// Once an attempt: a second rung has the same state. A failed save is not fatal, as the state in memory is whole.
  void save_whole() {
    if (std::exchange(tried_to_save_, true)) return;
    const SaveOutcome saved = impl_.target.save({.step = step_, .epoch = epoch_, .kind = CheckpointKind::emergency});
    if (saved.ok()) return mark_done("save_checkpoint");
    detail_.passed_over.emplace_back("save_checkpoint", saved.error->what());
  }

  bool go_back() {
    // One rollback an attempt: a second rung starts from the same state, which nothing has trained since.
    if (result_.restored) return true;
    Rollback back = roll_back(impl_.store, impl_.session, impl_.target);
    for (auto& passed : back.passed_over) detail_.passed_over.push_back(std::move(passed));
    if (!back.restored) {
      result_.action = kNoWayBack;
      return false;
    }
    result_.restored = back.restored->id;
    result_.step = back.restored->step;
    result_.epoch = back.restored->epoch;
    mark_done("rollback_checkpoint");
    // The checkpoint brought back the knobs of its time: earlier attempts' changes that are younger are made once more.
    make_again(impl_.target, pending_changes(impl_.history, back.restored->id));
    if (impl_.monitor != nullptr) impl_.monitor->restore_history(impl_.store, impl_.session.run(), back.restored->id);
    return true;
  }

  /// Also of an attempt that failed: it counts for the budget, and the next one takes the next rung.
  void note() {
    // Norms and losses are of another size from here on: the old ones would judge them wrongly.
    if (moves_scale_ && impl_.monitor != nullptr) impl_.monitor->forget_history();
    Recovery recovery;
    recovery.step = step_;
    recovery.epoch = epoch_;
    recovery.failure = failure_;
    recovery.action = result_.action;
    recovery.outcome = result_.success ? RecoveryOutcome::probation : RecoveryOutcome::failed;
    recovery.restored = result_.restored;
    recovery.resumed_step = result_.step;
    recovery.detail = write_detail(detail_);
    impl_.note(recovery);
  }

  AutoRecovery::Impl& impl_;
  std::string failure_;
  Step step_;
  std::int64_t epoch_;
  Detail detail_;
  RecoveryResult result_;
  bool moves_scale_ = false;  // of norms and losses
  bool tried_to_save_ = false;
};

}  // namespace

RecoveryResult attempt(AutoRecovery::Impl& impl, const std::string& failure, Step step, std::int64_t epoch) {
  return Attempt(impl, failure, step, epoch).run();
}

}  // namespace lastgood::recovery

// A resume puts a training together from two sources: the checkpoint, and the recoveries since. What is missing is
// found by comparing ids: a checkpoint that is newer than the newest one at the time of a recovery was saved with its
// changes.
#include "recovery/adjustments.h"

#include "recovery/detail.h"

namespace lastgood::recovery {
namespace {

/// A relative change multiplies: the rate that the checkpoint brought back may have moved on along its schedule since
/// the change was made first.
void write_to(const Knob& knob, const Change& change) {
  if (knob.name != change.knob || !knob.write) return;
  knob.write(change.relative ? knob.read() * (change.to / change.from) : change.to);
}

}  // namespace

std::vector<Change> pending_changes(std::span<const Recovery> recoveries, CheckpointId checkpoint) {
  std::vector<Change> pending;
  for (const Recovery& recovery : recoveries) {
    const Detail detail = read_detail(recovery);
    const bool in_checkpoint = detail.newest_checkpoint && *detail.newest_checkpoint < checkpoint;
    for (const Change& change : detail.changes) {
      if (!change.relative || !in_checkpoint) pending.push_back(change);
    }
  }
  return pending;
}

void make_again(const RecoveryTarget& target, std::span<const Change> changes) {
  for (const Change& change : changes) {
    for (const Knob& rate : target.learning_rates) write_to(rate, change);
    write_to(target.epsilon, change);
    write_to(target.batch_size, change);
  }
}

// As often, not as far: each call widens by one step, and what is widest already says no.
void upgrade_again(const RecoveryTarget& target, std::span<const Recovery> recoveries) {
  if (!target.upgrade_precision) return;
  for (const Recovery& recovery : recoveries) {
    for (const std::string& action : read_detail(recovery).done) {
      if (action == "upgrade_precision") target.upgrade_precision();
    }
  }
}

}  // namespace lastgood::recovery

// Candidate by candidate, from the head towards the first checkpoint: look at its marks, verify every byte, restore it,
// and only then move the head, durably. A cut before the last step leaves the head where it was; the process that held
// the restored state is gone with it.
#include "recovery/rollback.h"

#include <lastgood/history.h>
#include <lastgood/verify.h>

namespace lastgood::recovery {
namespace {

/// Why the checkpoint is not a place to go back to; nothing when it is.
std::optional<std::string> objection(const Store& store, const CheckpointInfo& checkpoint) {
  if (checkpoint.stability != Stability::stable) return std::string("it is ") + to_string(checkpoint.stability);
  if (!checkpoint.intact) return "it is marked as damaged";
  const VerifyReport report = verify(store, {.checkpoint = checkpoint.id});
  if (!report.ok()) return "it is damaged: " + report.damages.front().what;
  return std::nullopt;
}

/// Tells of damage that came between the look and the restore.
/// not_found: a collection took a checkpoint that was forgotten meanwhile.
bool is_damage(const Error& error) {
  return error.code() == ErrorCode::corruption || error.code() == ErrorCode::not_found;
}

std::optional<std::string> try_restore(const RecoveryTarget& target, const CheckpointInfo& checkpoint) {
  try {
    target.restore(checkpoint);
    return std::nullopt;
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    return error.what();
  }
}

}  // namespace

Rollback roll_back(const Store& store, Session& session, const RecoveryTarget& target) {
  Rollback result;
  std::optional<CheckpointInfo> candidate = session.head();
  while (candidate) {
    auto why = objection(store, *candidate);
    if (!why) why = try_restore(target, *candidate);
    if (!why) {
      session.rollback(candidate->id);
      result.restored = candidate;
      return result;
    }
    result.passed_over.emplace_back("checkpoint " + std::to_string(candidate->id.value), *why);
    candidate = candidate->parent ? find_checkpoint(store, *candidate->parent) : std::nullopt;
  }
  return result;
}

}  // namespace lastgood::recovery

// Symptom to action is the ladders' affair (ladders.cpp). An action only knows whether it is possible here and now, and
// says why not where it is not: that is kept in the recovery's row, for the diagnosis.
#include "recovery/actions.h"

#include <algorithm>
#include <cmath>

namespace lastgood::recovery {
namespace {

constexpr const char* kKnown[] = {"rollback_checkpoint", "save_checkpoint",  "clear_cuda_cache",
                                  "reduce_lr_10x",       "increase_epsilon", "reduce_batch_size",
                                  "upgrade_precision",   "clip_spectrum",    "skip_batches"};

ActionOutcome not_done(std::string why) {
  return {.why_not = std::move(why)};
}

/// Moves the knob where that is a move in the wanted direction.
/// Absolute: a resume sets the knob to `to` again.
ActionOutcome move(const Knob& knob, double to, bool up) {
  if (!knob.read || !knob.write) return not_done("no such knob is registered");
  const double from = knob.read();
  if (up ? to <= from : to >= from) return not_done("it is at its limit already");
  knob.write(to);
  // One that does not move would be moved for ever.
  const double now = knob.read();
  if (up ? now <= from : now >= from) return not_done("it does not move");
  return {.done = true, .changes = {{knob.name, from, now, false}}};
}

/// Rates at or below the floor are left alone: a floor must not raise them.
/// Relative: rates are options of the optimizer, and so in every checkpoint that was saved after.
ActionOutcome reduce_rates(const RecoveryTarget& target, const RecoveryOptions& options) {
  if (target.learning_rates.empty()) return not_done("no learning rate is registered");
  ActionOutcome outcome;
  for (const Knob& rate : target.learning_rates) {
    const double from = rate.read();
    if (from <= options.min_lr) continue;
    const double to = std::max(from * options.lr_factor, options.min_lr);
    rate.write(to);
    outcome.changes.push_back({rate.name, from, to, true});
  }
  outcome.done = !outcome.changes.empty();
  if (!outcome.done) outcome.why_not = "every learning rate is at its floor already";
  return outcome;
}

ActionOutcome raise_epsilon(const RecoveryTarget& target, const RecoveryOptions& options) {
  if (!target.epsilon.read) return not_done("no epsilon is registered");
  return move(target.epsilon, std::min(target.epsilon.read() * options.epsilon_factor, options.max_epsilon), true);
}

ActionOutcome reduce_batch(const RecoveryTarget& target, const RecoveryOptions& options) {
  if (!target.batch_size.read) return not_done("no batch size is registered");
  // A whole number of examples.
  const double half = std::floor(target.batch_size.read() * options.batch_factor);
  return move(target.batch_size, std::max(half, options.min_batch_size), false);
}

/// An action of the target's or the user's: what it throws passes on.
template <class Function, class... Arguments>
ActionOutcome call(const Function& function, const char* what, const Arguments&... arguments) {
  if (!function) return not_done(std::string("nothing is registered that could ") + what);
  if (!function(arguments...)) return not_done(std::string("there is nothing left to gain: cannot ") + what);
  return {.done = true};
}

}  // namespace

bool is_known_action(const std::string& name) {
  return std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
}

bool is_adjustment(const std::string& name) {
  return name != "rollback_checkpoint" && name != "save_checkpoint" && name != "clear_cuda_cache";
}

ActionOutcome adjust(const std::string& name, const RecoveryTarget& target, const RecoveryOptions& options,
                     const FailureSpan& span) {
  // The user's own come first, also under a built-in name.
  if (const auto own = options.actions.find(name); own != options.actions.end()) {
    return call(own->second, ("take the action " + name).c_str());
  }
  if (name == "reduce_lr_10x") return reduce_rates(target, options);
  if (name == "increase_epsilon") return raise_epsilon(target, options);
  if (name == "reduce_batch_size") return reduce_batch(target, options);
  if (name == "upgrade_precision") return call(target.upgrade_precision, "raise the precision");
  if (name == "clip_spectrum") return call(target.clip_spectrum, "clip the spectrum");
  // skip_batches is what is left: check_options() has let no other name pass.
  return call(target.skip_batches, "skip batches", span.first, span.last);
}

}  // namespace lastgood::recovery

// The default ladders. What each rung is for:
//   not finite: the state is spoilt, so back it goes; if it comes again, the batches that did it are skipped (PaLM,
//     Chowdhery et al. 2022, section 5.1: about 200 to 500 batches around a spike); then the rate is cut.
//   explosion: the rate is cut tenfold after the rollback, each time.
//   divergence: rate, then epsilon, then batch size, in the reference's order.
//   condition number: precision, then epsilon, then the spectrum is clipped.
//   out of memory: save, give the cache back, halve the batch; once it cannot be halved, try again as it is, since
//     others may have given memory back. It begins at the first rung each time: a batch is halved for as long as it can
//     be, however often that takes.
#include <lastgood/error.h>
#include <lastgood/recovery.h>

namespace lastgood {
namespace {

const std::map<std::string, Ladder>& ladders() {
  static const Rung cut_rate = {"rollback_checkpoint", "reduce_lr_10x"};
  static const Rung raise_epsilon = {"rollback_checkpoint", "increase_epsilon"};
  static const Ladder not_finite = {{"rollback_checkpoint"}, {"rollback_checkpoint", "skip_batches"}, cut_rate};
  static const std::map<std::string, Ladder> all = {
      {"nan_detected", not_finite},
      {"inf_detected", not_finite},
      {"gradient_explosion", {cut_rate}},
      {"loss_divergence", {cut_rate, raise_epsilon, {"rollback_checkpoint", "reduce_batch_size"}}},
      {"condition_number_high",
       {{"rollback_checkpoint", "upgrade_precision"}, raise_epsilon, {"rollback_checkpoint", "clip_spectrum"}}},
      {"oom", {{"save_checkpoint", "clear_cuda_cache", "reduce_batch_size"}, {"save_checkpoint", "clear_cuda_cache"}}},
  };
  return all;
}

}  // namespace

const Ladder& default_ladder(const std::string& failure) {
  const auto found = ladders().find(failure);
  if (found != ladders().end()) return found->second;
  throw Error(ErrorCode::not_found, failure,
              "no ladder is known for the failure '" + failure + "': give it one in RecoveryOptions::ladders");
}

}  // namespace lastgood

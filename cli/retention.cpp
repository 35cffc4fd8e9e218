// Here only what a command line can get wrong; what contradicts itself in a policy is the library's to refuse.
#include "cli/retention.h"

#include <limits>

#include "cli/errors.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr const char* kWayOut = "; see `lastgood forget --help` or `lastgood gc --help`";

}  // namespace

bool RetentionOptions::any() const {
  const bool rule = keep_last || keep_stable || keep_every || keep_within || keep_best;
  if ((metric || max) && !keep_best) throw UsageError(std::string("--metric and --max go with --keep-best") + kWayOut);
  return rule;
}

RetentionPolicy RetentionOptions::policy(const std::optional<std::string>& run) const {
  RetentionPolicy policy;
  policy.run = run;
  policy.keep_last = keep_last;
  policy.keep_stable = keep_stable;
  if (keep_every) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Step>::max());
    if (*keep_every == 0 || *keep_every > kMost) {
      throw UsageError(std::string("--keep-every counts steps, from 1 on") + kWayOut);
    }
    policy.keep_every = static_cast<Step>(*keep_every);
  }
  if (keep_within) {
    policy.keep_within = parse_duration(*keep_within);
    if (!policy.keep_within) {
      throw UsageError("--keep-within takes a time span such as 90s, 15m, 12h, 7d or 2w, not \"" + *keep_within + "\"" +
                       kWayOut);
    }
  }
  if (keep_best) {
    policy.keep_best = *keep_best;
    policy.best_metric = metric.value_or("loss");
    policy.best_is_max = max;
  }
  return policy;
}

std::vector<Argument> retention_arguments(RetentionOptions& options) {
  return {
      {.names = "--keep-last", .placeholder = "N", .help = "keep the newest N", .target = &options.keep_last},
      {.names = "--keep-stable",
       .placeholder = "N",
       .help = "keep the newest N that were judged stable",
       .target = &options.keep_stable},
      {.names = "--keep-every",
       .placeholder = "N",
       .help = "keep steps that are divisible by N",
       .target = &options.keep_every},
      {.names = "--keep-within",
       .placeholder = "SPAN",
       .help = "keep what is at most this much older than the newest: 12h, 7d, 2w",
       .target = &options.keep_within},
      {.names = "--keep-best", .placeholder = "N", .help = "keep the best N by a metric", .target = &options.keep_best},
      {.names = "--metric",
       .placeholder = "NAME",
       .help = "the metric of --keep-best; default: loss",
       .target = &options.metric},
      {.names = "--max", .help = "the largest metric is the best; default: the smallest", .target = &options.max},
  };
}

std::vector<CheckpointId> expired_ids(const Store& store, const RetentionPolicy& policy) {
  std::vector<CheckpointId> ids;
  for (const CheckpointInfo& checkpoint : expired(store, policy)) ids.push_back(checkpoint.id);
  return ids;
}

}  // namespace lastgood::cli

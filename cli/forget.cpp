// lastgood forget: takes checkpoints out of the history, by name or by a policy.
// JSON: {"schema":1,"forgotten":[id],"bytes_released","dry_run"}
// Opens the store for writing, but for a dry run. All or nothing, in one commit; the space comes back with `gc`.
//
// Prints the ids and what could be freed; nothing to forget is 0 as well. Flags: CHECKPOINT... or --keep rules, never
// both; --dry-run; --run, within which rules count. Exit codes: 1 where one of those named is protected: then nothing
// is forgotten.
#include <memory>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/retention.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

struct Options {
  std::vector<std::string> names;
  RetentionOptions keep;
  bool dry_run = false;
};

ForgetReport forget_chosen(Context& context, const Options& options) {
  const bool by_policy = options.keep.any();
  if (by_policy && !options.names.empty()) {
    throw UsageError("name the checkpoints to forget, or say what to keep, not both; see `lastgood forget --help`");
  }
  if (!by_policy && options.names.empty()) {
    throw UsageError(
        "name the checkpoints to forget, or say what to keep with --keep rules; see `lastgood forget --help`");
  }
  const RetentionPolicy policy = options.keep.policy(context.run);
  // A dry run must work on a store that one may not write.
  const Store store = options.dry_run ? context.open_read_only() : context.open();
  require_run(store, context.run);
  return forget(store, by_policy ? expired_ids(store, policy) : resolve_all(store, options.names, context.run),
                options.dry_run);
}

ExitCode run_forget(Context& context, const Options& options) {
  const ForgetReport report = forget_chosen(context, options);
  if (context.json) {
    Json document = new_document();
    add_report(document, report);
    document["dry_run"] = options.dry_run;
    print(context.out, document);
  } else if (report.forgotten.empty()) {
    context.out.line("nothing to forget");
  } else {
    context.out.line(std::string(options.dry_run ? "would forget " : "forgot ") +
                     counted(report.forgotten.size(), "checkpoint") + ": " + joined_ids(report.forgotten));
    context.out.line(human_bytes(report.bytes_released) + (options.dry_run ? " could then be freed" : " can be freed") +
                     " by `lastgood gc`");
  }
  return ExitCode::ok;
}

}  // namespace

Command forget_command() {
  const auto options = std::make_shared<Options>();
  Command command = {
      .name = "forget",
      .summary = "take checkpoints out of the history, by name or by a policy",
      .details =
          std::string("Forgotten checkpoints cannot be loaded any more; `lastgood gc` then frees their space.\n") +
          kNeverForgotten,
      .arguments = {{.names = "CHECKPOINT",
                     .help = "one or more, instead of --keep rules",
                     .target = &options->names,
                     .offer = Offer::checkpoint}},
      .examples = {"lastgood forget 12 13", "lastgood forget --keep-last 10 --keep-every 1000 --dry-run",
                   "lastgood forget --keep-best 3 --metric accuracy --max"},
      .run = [options](Context& context) { return run_forget(context, *options); }};
  for (Argument& argument : retention_arguments(options->keep)) command.arguments.push_back(std::move(argument));
  command.arguments.push_back(
      {.names = "--dry-run", .help = "only say what would happen", .target = &options->dry_run});
  return command;
}

}  // namespace lastgood::cli

// lastgood pin and unpin: keep checkpoints from being collected, without a name.
// JSON: {"schema":1,"pinned":[id]} or {"schema":1,"unpinned":[id],"dry_run"}
// Opens the store for writing, but for a dry run. One commit for each checkpoint: the first that fails ends it, with
// exit code 3 where some were done.
//
// Prints the ids. Flags: CHECKPOINT..., --run; unpin also --dry-run. Names are resolved before anything is changed, so
// a mistyped one changes nothing. The same id twice, and what is pinned already, is no error.
#include <memory>

#include <lastgood/annotate.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

using Change = void (*)(const Store&, CheckpointId);
using Names = std::vector<std::string>;

/// Every name is resolved before the first is changed. Error: ExitError(partly_done) where a later change fails.
std::vector<CheckpointId> change_each(Context& context, const Names& names, Change change, const char* done) {
  const Store store = context.open();
  require_run(store, context.run);
  const std::vector<CheckpointId> ids = resolve_all(store, names, context.run);
  std::vector<CheckpointId> changed;
  for (const CheckpointId id : ids) {
    try {
      change(store, id);
    } catch (const Error& error) {
      if (changed.empty()) throw;
      const std::string message = std::string(done) + " so far: " + joined_ids(changed) + "; then: " + error.what();
      throw ExitError(ExitCode::partly_done, Error(error.code(), error.subject(), message, error.os_error()));
    }
    changed.push_back(id);
  }
  return changed;
}

Json json_report(const char* done, const std::vector<CheckpointId>& ids) {
  Json document = new_document();
  Json& rows = document[done] = Json::array();
  for (const CheckpointId id : ids) rows.push_back(id.value);
  return document;
}

ExitCode run_pin(Context& context, const Names& names) {
  const std::vector<CheckpointId> ids = change_each(context, names, pin, "pinned");
  if (context.json) {
    print(context.out, json_report("pinned", ids));
  } else {
    context.out.line("pinned " + joined_ids(ids));
  }
  return ExitCode::ok;
}

struct UnpinOptions {
  Names names;
  bool dry_run = false;
};

std::vector<CheckpointId> unpin_chosen(Context& context, const UnpinOptions& options) {
  if (!options.dry_run) return change_each(context, options.names, unpin, "unpinned");
  const Store store = context.open_read_only();
  require_run(store, context.run);
  return resolve_all(store, options.names, context.run);
}

ExitCode run_unpin(Context& context, const UnpinOptions& options) {
  const std::vector<CheckpointId> ids = unpin_chosen(context, options);
  if (context.json) {
    Json document = json_report("unpinned", ids);
    document["dry_run"] = options.dry_run;
    print(context.out, document);
  } else {
    context.out.line((options.dry_run ? "would unpin " : "unpinned ") + joined_ids(ids));
  }
  return ExitCode::ok;
}

Argument checkpoints(Names& names) {
  return {.names = "CHECKPOINT", .help = "one or more", .target = &names, .required = true, .offer = Offer::checkpoint};
}

}  // namespace

Command pin_command() {
  const auto names = std::make_shared<Names>();
  return {.name = "pin",
          .summary = "keep checkpoints from ever being collected",
          .details =
              "A pinned checkpoint is neither forgotten nor collected until it is unpinned. Exits 3 where some\n"
              "of several were pinned before it failed.",
          .arguments = {checkpoints(*names)},
          .examples = {"lastgood pin head", "lastgood pin 12 17"},
          .run = [names](Context& context) { return run_pin(context, *names); }};
}

Command unpin_command() {
  const auto options = std::make_shared<UnpinOptions>();
  return {.name = "unpin",
          .summary = "undo pin",
          .details =
              "The checkpoints stay until they are forgotten. Exits 3 where some of several were unpinned before it\n"
              "failed.",
          .arguments = {checkpoints(options->names),
                        {.names = "--dry-run", .help = "only say what would happen", .target = &options->dry_run}},
          .examples = {"lastgood unpin 12 17", "lastgood unpin 12 --dry-run"},
          .run = [options](Context& context) { return run_unpin(context, *options); }};
}

}  // namespace lastgood::cli

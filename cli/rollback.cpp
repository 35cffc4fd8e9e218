// lastgood rollback: moves the head of a run to an earlier checkpoint.
// JSON: {"schema":1,"run","from","to","dry_run"}
// Opens the store for writing, but for a dry run. One commit; exit code 11 while a trainer is in the run.
//
// Prints where the head went and how to undo it; "from" is null where the run had no head. Flags: CHECKPOINT,
// --dry-run, --run. To move to where the head is already changes nothing and ends with 0.
#include <memory>

#include <lastgood/annotate.h>
#include <lastgood/history.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

struct Options {
  std::string checkpoint;
  bool dry_run = false;
};

/// Asked before the move, so that the report can name the way back.
std::optional<CheckpointInfo> head_of(const Store& store, const std::string& run) {
  for (const RunInfo& known : list_runs(store)) {
    if (known.name == run && known.head) return find_checkpoint(store, *known.head);
  }
  return std::nullopt;
}

void print_move(Context& context, const std::optional<CheckpointInfo>& from, const CheckpointInfo& to, bool dry_run) {
  const std::string run = "run " + escape(to.run) + ": ";
  if (from && from->id == to.id) {
    context.out.line(run + "the head is at " + brief(to) + " already");
    return;
  }
  context.out.line(run + (dry_run ? "the head would move" : "the head moved") +
                   (from ? " from " + brief(*from) : std::string()) + " to " + brief(to));
  if (!to.intact) {
    context.out.line(paint("this checkpoint is damaged: a resume will pass it over", Tone::bad, context.color()));
  }
  std::string promise = "nothing is deleted now: the next save grows a new branch from here";
  const std::string old_head = from ? std::to_string(from->id.value) : std::string();
  if (from) promise += "; `lastgood rollback " + old_head + "` goes back";
  context.out.line(promise);
  // Which policy the trainer has is not in the store.
  if (from && !from->pinned && from->tags.empty()) {
    context.out.line("a trainer or gc that keeps the newest few may forget " + old_head + " later: `lastgood pin " +
                     old_head + "` keeps it");
  }
}

ExitCode roll_back(Context& context, const Options& options) {
  const Store store = options.dry_run ? context.open_read_only() : context.open();
  require_run(store, context.run);
  const CheckpointInfo to = resolve_checkpoint(store, options.checkpoint, context.run);
  const std::optional<CheckpointInfo> from = head_of(store, to.run);
  if (!options.dry_run) rollback(store, to.id);
  if (context.json) {
    Json document = new_document();
    document["run"] = to.run;
    document["from"] = from ? Json(from->id.value) : Json(nullptr);
    document["to"] = to.id.value;
    document["dry_run"] = options.dry_run;
    print(context.out, document);
  } else {
    print_move(context, from, to, options.dry_run);
  }
  return ExitCode::ok;
}

}  // namespace

Command rollback_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "rollback",
          .summary = "make the next resume continue from an earlier checkpoint",
          .details =
              "Moves the head of the checkpoint's run there. Deletes nothing: the next save grows a new branch,\n"
              "and a rollback to the old head undoes it, as long as that is kept: a trainer that keeps the newest\n"
              "few may forget what is on the branch that was left, unless it is pinned or tagged. Refused while a\n"
              "trainer is in the run.",
          .arguments = {{.names = "CHECKPOINT",
                         .help = "where to",
                         .target = &options->checkpoint,
                         .required = true,
                         .offer = Offer::checkpoint},
                        {.names = "--dry-run", .help = "only say what would happen", .target = &options->dry_run}},
          .examples = {"lastgood rollback last-stable", "lastgood rollback head~2 --dry-run"},
          .run = [options](Context& context) { return roll_back(context, *options); }};
}

}  // namespace lastgood::cli

// lastgood tag: names for checkpoints.
// JSON: {"schema":1,"tags":[{"name","checkpoint","run","step"}]} to list; {"schema":1,"tag","checkpoint","from",
// "dry_run"} after setting one, "from" being what it named before; {"schema":1,"deleted","checkpoint","dry_run"} after
// -d. Opens the store for writing, but for the list and a dry run. Each call is one commit.
//
// Prints a table of tags, or one line on what was done. Flags: NAME, CHECKPOINT, -d, --move, --dry-run, --run. Exit
// codes: 1 for a tag that is not there (-d), names another checkpoint (without --move) or cannot be one; 2 for words
// that contradict each other.
#include <map>
#include <memory>

#include <lastgood/annotate.h>
#include <lastgood/history.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

struct Options {
  std::optional<std::string> name;
  std::optional<std::string> checkpoint;
  std::optional<std::string> deleted;
  TagOptions how;
};

ExitCode list_tags(Context& context) {
  const Store store = context.open_read_only();
  require_run(store, context.run);
  std::map<std::string, CheckpointInfo> tags;
  for (const CheckpointInfo& checkpoint : list_checkpoints(store, {.run = context.run})) {
    for (const std::string& name : checkpoint.tags) tags.emplace(name, checkpoint);
  }
  Json document = new_document();
  Json& rows = document["tags"] = Json::array();
  Table table({{.title = "TAG", .shrinks = true},
               {"CHECKPOINT", Column::Align::right},
               {"STEP", Column::Align::right},
               {.title = "RUN", .shrinks = true}});
  for (const auto& [name, checkpoint] : tags) {
    rows.push_back(
        {{"name", name}, {"checkpoint", checkpoint.id.value}, {"run", checkpoint.run}, {"step", checkpoint.step}});
    table.add({{name}, {std::to_string(checkpoint.id.value)}, {std::to_string(checkpoint.step)}, {checkpoint.run}});
  }
  if (context.json) {
    print(context.out, document);
  } else if (tags.empty()) {
    context.hint("no tags");
  } else {
    table.print(context.out, context.color());
  }
  return ExitCode::ok;
}

/// The name is not checked: a tag that an older version allowed must be possible to delete.
ExitCode delete_tag(Context& context, const std::string& name, bool dry_run) {
  const CheckpointId named = untag(dry_run ? context.open_read_only() : context.open(), name, dry_run);
  if (context.json) {
    Json document = new_document();
    document["deleted"] = name;
    document["checkpoint"] = named.value;
    document["dry_run"] = dry_run;
    print(context.out, document);
  } else {
    context.out.line("tag " + escape(name) + (dry_run ? " would be gone" : " is gone") + "; its checkpoint, " +
                     std::to_string(named.value) + ", stays until it is forgotten");
  }
  return ExitCode::ok;
}

ExitCode set_tag(Context& context, const Options& options) {
  const bool dry_run = options.how.dry_run;
  const Store store = dry_run ? context.open_read_only() : context.open();
  require_run(store, context.run);
  const CheckpointInfo checkpoint = resolve_checkpoint(store, options.checkpoint.value_or("head"), context.run);
  const std::optional<CheckpointId> from = tag(store, *options.name, checkpoint.id, options.how);
  if (context.json) {
    Json document = new_document();
    document["tag"] = *options.name;
    document["checkpoint"] = checkpoint.id.value;
    document["from"] = from ? Json(from->value) : Json(nullptr);
    document["dry_run"] = dry_run;
    print(context.out, document);
  } else {
    const std::string instead = from && *from != checkpoint.id ? " instead of " + std::to_string(from->value) : "";
    context.out.line("tag " + escape(*options.name) + (dry_run ? " would name" : " names") + " checkpoint " +
                     brief(checkpoint) + instead);
  }
  return ExitCode::ok;
}

ExitCode run_tag(Context& context, const Options& options) {
  const bool sets = options.name.has_value();
  if (options.deleted && (sets || options.how.move)) {
    throw UsageError("-d takes one tag and nothing else; see `lastgood tag --help`");
  }
  if (options.how.move && !sets) throw UsageError("--move needs the tag's name; see `lastgood tag --help`");
  if (options.deleted) return delete_tag(context, *options.deleted, options.how.dry_run);
  if (options.how.dry_run && !sets) throw UsageError("--dry-run needs a tag's name; see `lastgood tag --help`");
  return sets ? set_tag(context, options) : list_tags(context);
}

}  // namespace

Command tag_command() {
  const auto options = std::make_shared<Options>();
  return {
      .name = "tag",
      .summary = "name a checkpoint, list the names, or delete one",
      .details =
          "A tagged checkpoint is never forgotten by a policy nor collected. Without a CHECKPOINT the head is\n"
          "tagged; without anything the tags are listed. A tag has 1 to 128 of A-Z a-z 0-9 . _ -, in parts divided\n"
          "by single /, each of which begins with a letter, a digit or _; it is no number, and neither head,\n"
          "latest nor last-stable. `lastgood tag -d NAME` works for a tag of any form.",
      .arguments = {{.names = "NAME", .help = "the tag", .target = &options->name, .offer = Offer::tag},
                    {.names = "CHECKPOINT",
                     .help = "what it names; default: the head",
                     .target = &options->checkpoint,
                     .offer = Offer::checkpoint},
                    {.names = "-d,--delete",
                     .placeholder = "NAME",
                     .help = "delete the tag; its checkpoint stays",
                     .target = &options->deleted,
                     .offer = Offer::tag},
                    {.names = "--move",
                     .help = "let the tag name another checkpoint than before",
                     .target = &options->how.move},
                    {.names = "--dry-run", .help = "only say what would happen", .target = &options->how.dry_run}},
      .examples = {"lastgood tag best step:4100", "lastgood tag --move best head --dry-run", "lastgood tag -d best"},
      .run = [options](Context& context) { return run_tag(context, *options); }};
}

}  // namespace lastgood::cli

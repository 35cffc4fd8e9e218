// lastgood gc: frees what nothing refers to; with --keep rules it forgets first.
// JSON: {"schema":1,"forgotten":[id],"bytes_released","blobs_freed","packs_removed","packs_compacted",
// "orphans_removed","dead_saves","bytes_freed","dry_run"}
// Opens the store for writing, but for a dry run. Stopped by a signal, it ends with exit code 130 and a sound store.
//
// Prints what was forgotten, and what that freed. Flags: --keep rules, --dry-run; --run only with rules. Exit codes: 3
// where it forgot and then could not collect; 11 while another collection runs and nothing was forgotten.
#include <memory>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/retention.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr const char* kAboutGc =
    "Safe while trainers run. With --keep rules it forgets first, as `lastgood forget` does; exits 3 where it\n"
    "has forgotten, but could free nothing. An orphan is a pack that the catalog does not know, as a rebuild\n"
    "or a copy of the store may leave it: it is removed, but moved to quarantine/ where it holds a checkpoint.\n";

struct Options {
  RetentionOptions keep;
  bool dry_run = false;
};

struct Outcome {
  ForgetReport forgotten;
  GcReport freed;
};

GcReport collect(const Context& context, const Store& store, const ForgetReport& forgotten, bool dry_run) {
  LongOperation operation(context);
  GcOptions request{.dry_run = dry_run, .progress = operation.progress()};
  // A dry run has forgotten nothing, but must count as if it had: that space is what the user asks about.
  if (dry_run) request.forgetting = forgotten.forgotten;
  return collect_garbage(store, request);
}

/// What was forgotten stays so, even if the collection fails.
GcReport collect_after(const Context& context, const Store& store, const ForgetReport& forgotten, bool dry_run) {
  try {
    return collect(context, store, forgotten, dry_run);
  } catch (const Error& error) {
    if (forgotten.forgotten.empty() || dry_run) throw;
    const std::string message = "forgot " + joined_ids(forgotten.forgotten) +
                                ", but freed nothing yet: " + error.what() + "; run `lastgood gc` again later";
    const Error explained(error.code(), error.subject(), message, error.os_error());
    throw ExitError(error.code() == ErrorCode::cancelled ? ExitCode::interrupted : ExitCode::partly_done, explained);
  }
}

/// True where the pass found nothing to do: a line of zeros would make the reader look for what went wrong.
bool is_nothing(const GcReport& freed) {
  return freed.blobs_freed + freed.packs_removed + freed.packs_compacted + freed.orphans_removed + freed.dead_saves +
             freed.bytes_freed ==
         0;
}

void print_outcome(Context& context, const Outcome& outcome, bool dry_run) {
  const auto& [forgotten, freed] = outcome;
  if (!forgotten.forgotten.empty()) {
    context.out.line(std::string(dry_run ? "would forget " : "forgot ") +
                     counted(forgotten.forgotten.size(), "checkpoint") + ": " + joined_ids(forgotten.forgotten));
  }
  if (is_nothing(freed)) {
    context.out.line("nothing to free");
    return;
  }
  std::string text = std::string(dry_run ? "would free " : "freed ") + human_bytes(freed.bytes_freed) + ": " +
                     counted(freed.blobs_freed, "blob") + "; " + counted(freed.packs_removed, "pack") + " removed, " +
                     std::to_string(freed.packs_compacted) + " compacted";
  if (freed.orphans_removed != 0) text += ", " + counted(freed.orphans_removed, "orphan") + " removed";
  if (freed.dead_saves != 0) text += ", " + counted(freed.dead_saves, "dead save") + " cleaned up";
  context.out.line(text);
}

void print_json(Context& context, const Outcome& outcome, bool dry_run) {
  Json document = new_document();
  add_report(document, outcome.forgotten);
  document.update({{"blobs_freed", outcome.freed.blobs_freed},
                   {"packs_removed", outcome.freed.packs_removed},
                   {"packs_compacted", outcome.freed.packs_compacted},
                   {"orphans_removed", outcome.freed.orphans_removed},
                   {"dead_saves", outcome.freed.dead_saves},
                   {"bytes_freed", outcome.freed.bytes_freed},
                   {"dry_run", dry_run}});
  print(context.out, document);
}

ExitCode run_gc(Context& context, const Options& options) {
  const bool forgets = options.keep.any();
  if (context.run && !forgets) {
    throw UsageError("a collection is for the whole store; --run goes with --keep rules; see `lastgood gc --help`");
  }
  const RetentionPolicy policy = options.keep.policy(context.run);
  // A dry run must work on a store that one may not write. It then takes no lock, and counts no dead saves.
  const Store store = options.dry_run ? context.open_read_only() : context.open();
  require_run(store, context.run);
  Outcome outcome;
  if (forgets) outcome.forgotten = forget(store, expired_ids(store, policy), options.dry_run);
  outcome.freed = collect_after(context, store, outcome.forgotten, options.dry_run);
  if (context.json) {
    print_json(context, outcome, options.dry_run);
  } else {
    print_outcome(context, outcome, options.dry_run);
  }
  return ExitCode::ok;
}

}  // namespace

Command gc_command() {
  const auto options = std::make_shared<Options>();
  Command command = {.name = "gc",
                     .summary = "give the space of forgotten checkpoints back",
                     .details = std::string(kAboutGc) + kNeverForgotten,
                     .arguments = retention_arguments(options->keep),
                     .examples = {"lastgood gc", "lastgood gc --keep-last 10 --keep-within 7d --dry-run"},
                     .run = [options](Context& context) { return run_gc(context, *options); }};
  command.arguments.push_back(
      {.names = "--dry-run", .help = "only say what would happen", .target = &options->dry_run});
  return command;
}

}  // namespace lastgood::cli

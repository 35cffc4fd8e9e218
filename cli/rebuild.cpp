// lastgood rebuild: makes a lost or damaged catalog anew from the packs.
// JSON: {"schema":1,"packs","blobs","checkpoints","damaged":[text],"incomplete":[text],"collected":[text],
// "damaged_frames","old_catalog","dry_run"}
// Opens no store, as there may be none that opens. Exit codes: 3 where anything is damaged or left out, 10 where there
// is no folder blobs/, 11 while somebody has the store open for writing.
//
// Prints what came back, then a line for each checkpoint that is damaged, left out or forgotten before. "old_catalog"
// is null where there was none, and in a dry run. Flags: --dry-run; no --run, as all runs come back together. Stopped
// by a signal it ends with 130 and has changed nothing.
#include <lastgood/rebuild.h>

#include <memory>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

struct Options {
  bool dry_run = false;
};

Json json_report(const RebuildReport& report, bool dry_run) {
  Json document = new_document();
  document.update({{"packs", report.packs},
                   {"blobs", report.blobs},
                   {"checkpoints", report.checkpoints},
                   {"damaged", report.damaged},
                   {"incomplete", report.incomplete},
                   {"collected", report.collected},
                   {"damaged_frames", report.damaged_frames},
                   {"old_catalog", report.old_catalog.empty() ? Json(nullptr) : Json(report.old_catalog)},
                   {"dry_run", dry_run}});
  return document;
}

void print_report(Context& context, const RebuildReport& report, bool dry_run) {
  context.out.line(std::string(dry_run ? "would bring back " : "brought back ") +
                   counted(report.checkpoints, "checkpoint") + " and " + counted(report.blobs, "blob") + " from " +
                   counted(report.packs, "pack"));
  for (const std::string& line : report.damaged) {
    context.out.line(paint("DAMAGED: " + escape(line), Tone::bad, context.color()));
  }
  for (const std::string& line : report.incomplete) {
    context.out.line(paint("left out: " + escape(line), Tone::bad, context.color()));
  }
  if (report.damaged_frames != 0) {
    const std::string damage = counted(report.damaged_frames, "damaged frame") + " in the packs";
    context.out.line(paint(damage, Tone::bad, context.color()));
  }
  for (const std::string& line : report.collected) context.out.line("forgotten before: " + escape(line));
  if (!report.old_catalog.empty()) context.out.line("the old catalog is kept as " + escape(report.old_catalog));
  if (!dry_run)
    context.out.line(
        "checkpoints are numbered anew; tags, pins and later verdicts are not in the packs: set them again");
}

RebuildReport rebuild_store(const Context& context, bool dry_run) {
  LongOperation operation(context);
  try {
    return rebuild(context.store, dry_run, operation.progress());
  } catch (const Error& error) {
    // rebuild() opens no store, so what open_with() does for the others is done here.
    if (error.code() != ErrorCode::not_found) throw;
    throw ExitError(ExitCode::no_store, error);
  }
}

ExitCode run_rebuild(Context& context, const Options& options) {
  const RebuildReport report = rebuild_store(context, options.dry_run);
  if (context.json) {
    print(context.out, json_report(report, options.dry_run));
  } else {
    print_report(context, report, options.dry_run);
  }
  const bool complete = report.damaged.empty() && report.incomplete.empty() && report.damaged_frames == 0;
  return complete ? ExitCode::ok : ExitCode::partly_done;
}

}  // namespace

Command rebuild_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "rebuild",
          .summary = "make a lost or damaged catalog anew from the packs alone",
          .details =
              "Every checkpoint whose manifest reads comes back, with its run, step, metrics and parent; the head\n"
              "of a run is then its newest one. One that lacks contents is marked as damaged: a resume passes it\n"
              "over, and gc keeps what is left of it until it is forgotten. Ids are given anew; tags, pins and\n"
              "later verdicts are lost, and checkpoints forgotten since the last gc may be back. The old catalog\n"
              "is set aside, not deleted. Stop the trainers first. Exits 3 where anything is damaged or was left out\n"
              "for it.",
          .arguments = {{.names = "--dry-run", .help = "only say what would happen", .target = &options->dry_run}},
          .examples = {"lastgood rebuild --dry-run", "lastgood rebuild"},
          .run = [options](Context& context) { return run_rebuild(context, *options); },
          .takes_run = false};
}

}  // namespace lastgood::cli

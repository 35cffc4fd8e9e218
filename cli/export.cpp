// lastgood export: a checkpoint as a file that other tools read.
// JSON: {"schema":1,"checkpoint","file","format","section","tensors","aliases","bytes","as_bytes":[name],"replaced",
// "dry_run"}; "section" is null for all.
// Opens the store for reading only. Writes FILE alone, as a whole or not at all; a dry run writes nothing.
//
// Prints one line; hints on standard error name what tied tensors and odd dtypes became. Flags: CHECKPOINT, FILE,
// --format, --section, --force, --dry-run, --run. Exit codes: 1 for a FILE that is there, without --force; 20 for a
// checkpoint that reads wrong; 130 stopped, without a file.
#include <memory>

#include <lastgood/history.h>
#include <lastgood/interchange.h>

#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

constexpr const char* kFormat = "safetensors";
constexpr const char* kAllSections = "all";

struct Options {
  std::string checkpoint;
  std::string file;
  std::string format = kFormat;
  std::string section = "model";
  bool force = false;
  bool dry_run = false;
};

ExportOptions request_of(const Options& options) {
  if (options.format != kFormat) {
    throw UsageError("--format is safetensors, the only one there is; see `lastgood export --help`");
  }
  ExportOptions request;
  request.replace = options.force;
  request.dry_run = options.dry_run;
  request.section = section_from_string(options.section);
  if (!request.section && options.section != kAllSections) {
    throw UsageError("--section is model, optimizer, scheduler, rng, extra or all; see `lastgood export --help`");
  }
  return request;
}

Json json_report(CheckpointId checkpoint, const Options& options, const ExportReport& report) {
  Json document = new_document();
  document["checkpoint"] = checkpoint.value;
  document["file"] = options.file;
  document["format"] = options.format;
  document["section"] = options.section == kAllSections ? Json(nullptr) : Json(options.section);
  document["tensors"] = report.tensors;
  document["aliases"] = report.aliases;
  document["bytes"] = report.bytes;
  document["as_bytes"] = report.as_bytes;
  document["replaced"] = report.replaced;
  document["dry_run"] = options.dry_run;
  return document;
}

void print_report(Context& context, const CheckpointInfo& checkpoint, const Options& options,
                  const ExportReport& report) {
  context.out.line((options.dry_run ? "would export checkpoint " : "exported checkpoint ") + brief(checkpoint) +
                   " to " + escape(options.file) + ": " + counted(report.tensors, "tensor") + ", " +
                   human_bytes(report.bytes) + (report.replaced ? ", in the place of a file that was there" : ""));
  if (report.aliases != 0) {
    context.hint(counted(report.aliases, "tied tensor") + " left to the name that owns the bytes; see __metadata__");
  }
  for (const std::string& name : report.as_bytes) {
    context.hint(name + " is of a dtype that safetensors does not have: its bytes were written, as U8");
  }
}

ExitCode run_export(Context& context, const Options& options) {
  ExportOptions request = request_of(options);
  const Store store = context.open_read_only();
  const CheckpointInfo checkpoint = resolve_checkpoint(store, options.checkpoint, context.run);
  const ExportReport report = [&] {
    // Gone before the report is printed, so that the progress line is gone as well.
    LongOperation operation(context);
    request.progress = operation.progress();
    return export_safetensors(store, checkpoint.id, options.file, request);
  }();
  if (context.json) {
    print(context.out, json_report(checkpoint.id, options, report));
  } else {
    print_report(context, checkpoint, options, report);
  }
  return ExitCode::ok;
}

}  // namespace

Command export_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "export",
          .summary = "write a checkpoint to a file that other tools read (safetensors)",
          .details =
              "Every byte is checked first, and the file is there as a whole or not at all. Tied tensors are\n"
              "written once; __metadata__ maps their other names to it, as safetensors.torch does. With\n"
              "--section all, names begin with their section (\"model/layer.weight\"), JSON and generators become\n"
              "tensors of bytes, and `lastgood import` gives the very same state back. Metrics, tags and the\n"
              "verdict stay behind.",
          .arguments = {{.names = "CHECKPOINT",
                         .help = "the checkpoint",
                         .target = &options->checkpoint,
                         .required = true,
                         .offer = Offer::checkpoint},
                        {.names = "FILE",
                         .help = "the file to write",
                         .target = &options->file,
                         .required = true,
                         .offer = Offer::file},
                        {.names = "--format", .placeholder = "NAME", .help = "safetensors", .target = &options->format},
                        {.names = "--section",
                         .placeholder = "NAME",
                         .help = "model (default), optimizer, scheduler, rng, extra or all",
                         .target = &options->section},
                        {.names = "--force", .help = "replace a file that is there", .target = &options->force},
                        {.names = "--dry-run", .help = "only say what would happen", .target = &options->dry_run}},
          .examples = {"lastgood export last-stable model.safetensors",
                       "lastgood export head state.safetensors --section all"},
          .run = [options](Context& context) { return run_export(context, *options); }};
}

}  // namespace lastgood::cli

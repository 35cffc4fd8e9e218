// lastgood import: a safetensors file as a checkpoint.
// JSON: {"schema":1,"checkpoint":{...}}, with the fields of `list --json`.
// Opens the store for writing, and makes it where there is none. Joins the run as its trainer: exit code 11 while
// another is in it.
//
// Prints one line, and a hint on how to go back. Flags: FILE, --step, and --run, which is required. Exit codes: 2
// without --run; 1 for a file that is not there or is a pickle; 20 for one that is no whole safetensors file; 130
// stopped.
#include <cstdint>
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

struct Options {
  std::string file;
  std::optional<std::uint64_t> step;
};

void print_report(Context& context, const Options& options, const CheckpointInfo& checkpoint) {
  context.out.line("imported " + escape(options.file) + " as checkpoint " + brief(checkpoint) + " of run " +
                   escape(checkpoint.run) + ": " + std::to_string(checkpoint.entries) + " entries, " +
                   human_bytes(checkpoint.bytes_logical));
  if (checkpoint.parent) {
    context.hint("it is the head now; `lastgood rollback " + std::to_string(checkpoint.parent->value) +
                 "` goes back to the one before");
  }
}

ExitCode run_import(Context& context, const Options& options) {
  if (!context.run) throw UsageError("--run NAME is required; see `lastgood import --help`");
  ImportOptions request;
  if (options.step) {
    if (*options.step > std::uint64_t{INT64_MAX}) throw UsageError("--step is too large; see `lastgood import --help`");
    request.step = static_cast<Step>(*options.step);
  }
  // After the arguments were checked: a mistyped line must not leave an empty store behind.
  Store store = context.open_or_create();
  const CheckpointInfo checkpoint = [&] {
    LongOperation operation(context);
    request.progress = operation.progress();
    return import_safetensors(store, options.file, *context.run, request);
  }();
  if (context.json) {
    Json document = new_document();
    document["checkpoint"] = json_checkpoint(checkpoint, bytes_unique(store, checkpoint.id));
    print(context.out, document);
  } else {
    print_report(context, options, checkpoint);
  }
  return ExitCode::ok;
}

}  // namespace

Command import_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "import",
          .summary = "make a safetensors file a checkpoint of a run",
          .details =
              "The checkpoint is of kind \"imported\" and becomes the head of the run --run NAME: the next resume\n"
              "continues from it, and `rollback` goes back to the head of before. Store and run are made where there\n"
              "are none; what the store has already is not written again. A file that `export` wrote gives its\n"
              "state back; any other becomes the model. Files of torch.save are not read; the message says how to\n"
              "convert one.",
          .arguments = {{.names = "FILE",
                         .help = "the safetensors file",
                         .target = &options->file,
                         .required = true,
                         .offer = Offer::file},
                        {.names = "--step",
                         .placeholder = "N",
                         .help = "the checkpoint's step; default: what an export noted, else 0",
                         .target = &options->step}},
          .examples = {"lastgood import model.safetensors --run finetune",
                       "lastgood import state.safetensors --run demo --step 4100"},
          .run = [options](Context& context) { return run_import(context, *options); }};
}

}  // namespace lastgood::cli

// lastgood names: plain names for the shell's completion, one a line. Hidden: not an interface for people or scripts.
// Opens the store for reading only. Where there is none it fails like any command, and the completion's script drops
// the message.
//
// Has no JSON, as the script reads lines.
#include <memory>

#include <lastgood/history.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/text.h"

namespace lastgood::cli {

namespace {

void add_tags(Context& context, const std::vector<CheckpointInfo>& checkpoints) {
  for (const CheckpointInfo& checkpoint : checkpoints) {
    for (const std::string& tag : checkpoint.tags) context.out.line(tag);
  }
}

ExitCode names(Context& context, const std::string& kind) {
  const Store store = context.open_read_only();
  if (kind == "runs") {
    for (const RunInfo& run : list_runs(store)) {
      // A name that would have to be escaped is not one that a line can carry.
      if (escape(run.name) == run.name) context.out.line(run.name);
    }
    return ExitCode::ok;
  }
  const std::vector<CheckpointInfo> checkpoints = list_checkpoints(store, {.run = context.run});
  add_tags(context, checkpoints);
  if (kind == "tags") return ExitCode::ok;
  if (kind != "checkpoints") throw UsageError("names are those of runs, tags or checkpoints");
  for (const char* name : {"head", "latest", "last-stable"}) context.out.line(name);
  for (const CheckpointInfo& checkpoint : checkpoints) context.out.line(std::to_string(checkpoint.id.value));
  return ExitCode::ok;
}

}  // namespace

Command names_command() {
  const auto kind = std::make_shared<std::string>();
  return {.name = "names",
          .summary = "plain names for completion",
          .details = "",
          .arguments = {{.names = "KIND", .help = "runs, tags or checkpoints", .target = kind.get(), .required = true}},
          .examples = {"lastgood names checkpoints"},
          .run = [kind](Context& context) { return names(context, *kind); },
          .hidden = true};
}

}  // namespace lastgood::cli

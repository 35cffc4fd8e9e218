// lastgood runs: the runs of the store, by name.
// JSON: {"schema":1,"runs":[{"name","head","checkpoints","sessions","created_at"}]}
// Opens the store for reading only.
//
// Prints a table by name; "head" is null, and HEAD -, in a run without one. Flags: --run. Exit codes: the common ones.
#include <lastgood/history.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

ExitCode runs(Context& context) {
  using Align = Column::Align;
  const Store store = context.open_read_only();
  require_run(store, context.run);
  Json document = new_document();
  Json& rows = document["runs"] = Json::array();
  Table table({{.title = "RUN", .shrinks = true},
               {"HEAD", Align::right},
               {"CHECKPOINTS", Align::right},
               {"SESSIONS", Align::right},
               {"AGE", Align::right}});
  for (const RunInfo& run : list_runs(store)) {
    if (context.run && run.name != *context.run) continue;
    rows.push_back({{"name", run.name},
                    {"head", json_id(run.head)},
                    {"checkpoints", run.checkpoints},
                    {"sessions", run.sessions},
                    {"created_at", iso_time(run.created_at_ms)}});
    table.add({{run.name, Tone::strong},
               {run.head ? std::to_string(run.head->value) : "-"},
               {std::to_string(run.checkpoints)},
               {std::to_string(run.sessions)},
               {age(run.created_at_ms)}});
  }
  if (context.json) {
    print(context.out, document);
  } else if (rows.empty()) {
    context.hint("no runs yet");
  } else {
    table.print(context.out, context.color());
  }
  return ExitCode::ok;
}

}  // namespace

Command runs_command() {
  return {.name = "runs",
          .summary = "the runs in the store",
          .details = "HEAD is the checkpoint from which the next resume of the run continues.",
          .examples = {"lastgood runs", "lastgood runs --json"},
          .run = runs};
}

}  // namespace lastgood::cli

// lastgood recoveries: what failed, what was done about it, and whether it helped; newest first.
// JSON: {"schema":1,"recoveries":[...]}, each as json_recovery() in json.h says.
// Opens the store for reading only.
//
// Prints a table; "detail" (what was adjusted, what was passed over and why) is in the JSON alone. Flags: --run. Exit
// codes: the common ones.
#include <lastgood/telemetry.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/records.h"
#include "cli/table.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

ExitCode recoveries(Context& context) {
  using Align = Column::Align;
  const Store store = context.open_read_only();
  require_run(store, context.run);
  Json document = new_document();
  Json& rows = document["recoveries"] = Json::array();
  Table table({{"STEP", Align::right},
               {.title = "RUN", .shrinks = true},
               {"AGE", Align::right},
               {"FAILURE"},
               {"ACTION"},
               {"BACK TO", Align::right},
               {"OUTCOME"}});
  for (const Recovery& recovery : list_recoveries(store, context.run)) {
    rows.push_back(json_recovery(recovery));
    table.add({{std::to_string(recovery.step)},
               {recovery.run},
               {age(recovery.recorded_at_ms)},
               {recovery.failure},
               {recovery.action},
               {recovery.restored ? std::to_string(recovery.restored->value) : "-"},
               {to_string(recovery.outcome), tone_of(recovery.outcome)}});
  }
  if (context.json) {
    print(context.out, document);
  } else if (rows.empty()) {
    context.hint("no recoveries: nothing has failed yet");
  } else {
    table.print(context.out, context.color());
  }
  return ExitCode::ok;
}

}  // namespace

Command recoveries_command() {
  return {.name = "recoveries",
          .summary = "what failed, what was done about it, and whether it helped",
          .details =
              "BACK TO is the checkpoint that was restored. A recovery is on probation until enough healthy steps\n"
              "have passed; a relapse before takes the next action. --json adds what was adjusted, and what was\n"
              "passed over and why.",
          .examples = {"lastgood recoveries", "lastgood recoveries --run gpt2-small --json"},
          .run = recoveries};
}

}  // namespace lastgood::cli

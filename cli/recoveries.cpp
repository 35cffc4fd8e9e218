// lastgood recoveries: what failed, what was done about it, and whether it helped; newest first.
// JSON: {"schema":1,"recoveries":[...]}, each as json_recovery() in json.h says; with --report
// {"schema":1,"reports":[...]}, each as HaltReport::to_json() says.
// Opens the store for reading only.
//
// Prints a table; "detail" (what was adjusted, what was passed over and why) is in the JSON alone. With --report a page
// for each run that was halted. Flags: --run. Exit codes: the common ones.
#include <memory>

#include <lastgood/history.h>
#include <lastgood/recovery_report.h>
#include <lastgood/telemetry.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/records.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

struct Options {
  bool report = false;
};

ExitCode print_reports(Context& context, const Store& store) {
  Json document = new_document();
  Json& reports = document["reports"] = Json::array();
  for (const RunInfo& run : list_runs(store)) {
    if (context.run && run.name != *context.run) continue;
    const auto report = last_halt(store, run.name);
    if (!report) continue;
    if (!context.json) {
      if (!reports.empty()) context.out.line();
      std::string page = report->to_text();
      page.pop_back();  // the end of its last line
      context.out.line(escape_lines(page));
    }
    reports.push_back(Json::parse(report->to_json()));
  }
  if (context.json) {
    print(context.out, document);
  } else if (reports.empty()) {
    context.hint("no run was halted");
  }
  return ExitCode::ok;
}

ExitCode recoveries(Context& context, const Options& options) {
  using Align = Column::Align;
  const Store store = context.open_read_only();
  require_run(store, context.run);
  if (options.report) return print_reports(context, store);
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
  const auto options = std::make_shared<Options>();
  return {.name = "recoveries",
          .summary = "what failed, what was done about it, and whether it helped",
          .details =
              "BACK TO is the checkpoint that was restored. A recovery is on probation until enough healthy steps\n"
              "have passed; a relapse before takes the next action. --json adds what was adjusted, and what was\n"
              "passed over and why. --report tells of a run that was given up what was seen and tried, and the\n"
              "command that goes back to its last good checkpoint.",
          .arguments = {{.names = "--report",
                         .help = "the diagnosis of each run's newest halt instead",
                         .target = &options->report}},
          .examples = {"lastgood recoveries", "lastgood recoveries --run gpt2-small --json",
                       "lastgood recoveries --report"},
          .run = [options](Context& context) { return recoveries(context, *options); }};
}

}  // namespace lastgood::cli

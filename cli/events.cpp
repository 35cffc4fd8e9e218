// lastgood events: alarms, and whatever else a trainer noted, newest first.
// JSON: {"schema":1,"events":[...]}, each as json_event() in json.h says.
// Opens the store for reading only.
//
// Prints a table; "detail" is in the JSON alone. Flags: --severity (at least), --session, -n (0: none), --run. Exit
// codes: the common ones; 2 for an unknown severity.
#include <memory>

#include <lastgood/telemetry.h>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/records.h"
#include "cli/table.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

struct Options {
  std::optional<std::string> severity;
  std::optional<std::uint64_t> session;
  std::optional<std::uint64_t> limit;
};

Severity parse_severity(const std::optional<std::string>& text) {
  if (!text) return Severity::info;
  for (const Severity severity : {Severity::info, Severity::warning, Severity::critical}) {
    if (*text == to_string(severity)) return severity;
  }
  throw UsageError("a severity is info, warning or critical, not '" + *text + "'");
}

std::vector<Event> find(const Store& store, const Context& context, const Options& options) {
  EventQuery query;
  query.run = context.run;
  if (options.session) query.session = SessionId{static_cast<std::int64_t>(*options.session)};
  require_session(store, query.session, context.run);
  query.at_least = parse_severity(options.severity);
  query.limit = options.limit.value_or(0);
  // On the command line 0 is none; in a query it is all.
  return options.limit == 0u ? std::vector<Event>() : list_events(store, query);
}

ExitCode events(Context& context, const Options& options) {
  using Align = Column::Align;
  const Store store = context.open_read_only();
  require_run(store, context.run);
  Json document = new_document();
  Json& rows = document["events"] = Json::array();
  Table table({{"STEP", Align::right},
               {.title = "RUN", .shrinks = true},
               {"SESSION", Align::right},
               {"AGE", Align::right},
               {"SEVERITY"},
               {"KIND"},
               {.title = "MESSAGE", .shrinks = true}});
  for (const Event& event : find(store, context, options)) {
    rows.push_back(json_event(event));
    table.add({{std::to_string(event.step)},
               {event.run},
               {std::to_string(event.session.value)},
               {age(event.recorded_at_ms)},
               {to_string(event.severity), tone_of(event.severity)},
               {event.kind},
               {event.message}});
  }
  if (context.json) {
    print(context.out, document);
  } else if (!rows.empty()) {
    table.print(context.out, context.color());
  } else if (options.limit != 0u) {
    context.hint("no such events yet");
  }
  return ExitCode::ok;
}

}  // namespace

Command events_command() {
  const auto options = std::make_shared<Options>();
  return {.name = "events",
          .summary = "alarms and what else a trainer noted, newest first",
          .details =
              "An alarm is noted when it begins, not at every step that it lasts. Those of branches that a\n"
              "rollback left are listed, too. --json adds the details: which tensors, which numbers.",
          .arguments =
              {{.names = "--severity",
                .placeholder = "LEVEL",
                .help = "info, warning or critical: those at least so severe",
                .target = &options->severity},
               {.names = "--session",
                .placeholder = "ID",
                .help = "of this session only; see `lastgood sessions`",
                .target = &options->session},
               {.names = "-n,--limit", .placeholder = "N", .help = "the newest N only", .target = &options->limit}},
          .examples = {"lastgood events --severity warning -n 20", "lastgood events --run gpt2-small --json"},
          .run = [options](Context& context) { return events(context, *options); }};
}

}  // namespace lastgood::cli

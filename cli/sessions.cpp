// lastgood sessions: which processes trained, how each of them ended, and what that cost.
// Prints a table. LASTED and STEPS LOST are - where nobody knows them. Flags: --run. Exit codes: the common ones; a
// session that crashed is no failure of this command.
// JSON: {"schema":1,"sessions":[...]}, newest first, each as json_session() in json.h says.
// Opens the store for reading only. A session that crashed is `open` here until the next one of its run begins.
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/records.h"
#include "cli/table.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

ExitCode sessions(Context& context) {
  using Align = Column::Align;
  const Store store = context.open_read_only();
  require_run(store, context.run);
  Json document = new_document();
  Json& rows = document["sessions"] = Json::array();
  Table table({{"ID", Align::right},
               {.title = "RUN", .shrinks = true},
               {"STATE"},
               {"AGE", Align::right},
               {"LASTED", Align::right},
               {"RESUMED FROM", Align::right},
               {"CHECKPOINTS", Align::right},
               {"SAVING", Align::right},
               {"STEPS LOST", Align::right},
               {"PID", Align::right},
               {.title = "HOST", .shrinks = true}});
  for (const SessionRecord& record : list_session_records(store, context.run)) {
    const auto& [session, cost] = record;
    rows.push_back(json_session(session, cost));
    table.add({{std::to_string(session.id.value)},
               {session.run},
               shown_state(record),
               {age(session.started_at_ms)},
               {lasted(session)},
               {session.resumed_from ? std::to_string(session.resumed_from->value) : "-"},
               {std::to_string(session.checkpoints)},
               {cost.saves == 0 ? "-" : human_number(seconds(cost.durable)) + "s"},
               {steps_lost(record)},
               {std::to_string(session.pid)},
               {session.host}});
  }
  if (context.json) {
    print(context.out, document);
  } else if (rows.empty()) {
    context.hint("no sessions yet");
  } else {
    table.print(context.out, context.color());
  }
  return ExitCode::ok;
}

}  // namespace

Command sessions_command() {
  return {
      .name = "sessions",
      .summary = "the processes that trained, how each ended, and what that cost",
      .details =
          "A session is open, completed, interrupted, crashed, or halted: by a recovery that gave up, after which\n"
          "it was interrupted or crashed; see `lastgood recoveries`. That one crashed is found out by the next one\n"
          "of its run. CHECKPOINTS counts those of it that are still in the store. RESUMED FROM is - where it\n"
          "began with nothing, or from a checkpoint that was forgotten since. SAVING is the time that its saves took,\n"
          "most of it beside the training; STEPS LOST are those after its last checkpoint, as far as they were\n"
          "recorded. --json adds why it ended, where that was recorded, and how long saves held the trainer.",
      .examples = {"lastgood sessions --run gpt2-small"},
      .run = sessions};
}

}  // namespace lastgood::cli

// lastgood sessions: which processes trained, how each of them ended, and what that cost.
// JSON: {"schema":1,"sessions":[{"id","run","state","pid","host","started_at","ended_at","resumed_from","checkpoints",
//        "ending","last_step","steps_lost","saves","failed_saves","blocked_seconds","saving_seconds"}]}, newest first;
// the last seven are those of session_cost.h.
// Opens the store for reading only. A session that crashed is `open` here until the next one of its run begins.
#include <map>

#include <lastgood/history.h>
#include <lastgood/session_cost.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/units.h"

namespace lastgood::cli {

namespace {

Tone tone_of(SessionState state) {
  switch (state) {
    case SessionState::open: return Tone::strong;
    case SessionState::completed: return Tone::good;
    case SessionState::interrupted: return Tone::doubtful;
    case SessionState::crashed: return Tone::bad;
  }
  return Tone::plain;
}

/// How long it lasted; nothing where nobody wrote down its end.
std::string lasted(const SessionInfo& session) {
  // It is open, it crashed, or a rebuild brought it back.
  if (!session.ended_at_ms) return "-";
  return human_duration(std::chrono::milliseconds(*session.ended_at_ms - session.started_at_ms));
}

double seconds(std::chrono::microseconds span) {
  return std::chrono::duration<double>(span).count();
}

std::map<SessionId, SessionCost> costs_by_session(const Store& store, const std::optional<std::string>& run) {
  std::map<SessionId, SessionCost> costs;
  for (SessionCost& cost : list_session_costs(store, run)) costs[cost.session] = std::move(cost);
  return costs;
}

/// Under way, or brought to an end as it should be: that is no loss.
std::string lost(const SessionInfo& session, const SessionCost& cost) {
  return session.state == SessionState::open || !cost.last_step ? "-" : std::to_string(cost.steps_lost);
}

Json json_session(const SessionInfo& session, const SessionCost& cost) {
  return {{"id", session.id.value},
          {"run", session.run},
          {"state", to_string(session.state)},
          {"pid", session.pid},
          {"host", session.host},
          {"started_at", iso_time(session.started_at_ms)},
          {"ended_at", json_time(session.ended_at_ms)},
          {"resumed_from", json_id(session.resumed_from)},
          {"checkpoints", session.checkpoints},
          {"ending", cost.ending},
          {"last_step", cost.last_step ? Json(*cost.last_step) : Json()},
          {"steps_lost", cost.steps_lost},
          {"saves", cost.saves},
          {"failed_saves", cost.failed_saves},
          {"blocked_seconds", seconds(cost.blocked)},
          {"saving_seconds", seconds(cost.durable)}};
}

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
  auto costs = costs_by_session(store, context.run);
  for (const SessionInfo& session : list_sessions(store, context.run)) {
    const SessionCost& cost = costs[session.id];
    rows.push_back(json_session(session, cost));
    table.add({{std::to_string(session.id.value)},
               {session.run},
               {to_string(session.state), tone_of(session.state)},
               {age(session.started_at_ms)},
               {lasted(session)},
               {session.resumed_from ? std::to_string(session.resumed_from->value) : "-"},
               {std::to_string(session.checkpoints)},
               {cost.saves == 0 ? "-" : human_number(seconds(cost.durable)) + "s"},
               {lost(session, cost)},
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
          "A session is open, completed, interrupted or crashed; that one crashed is found out by the next\n"
          "one of its run. CHECKPOINTS counts those of it that are still in the store. RESUMED FROM is - where it\n"
          "began with nothing, or from a checkpoint that was forgotten since. SAVING is the time that its saves took,\n"
          "most of it beside the training; STEPS LOST are those after its last checkpoint, as far as they were\n"
          "recorded. --json adds why it ended, where that was recorded, and how long saves held the trainer.",
      .examples = {"lastgood sessions --run gpt2-small"},
      .run = sessions};
}

}  // namespace lastgood::cli

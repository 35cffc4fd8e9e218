#include <algorithm>

#include "cli/checkpoints.h"
#include "cli/records.h"
#include "cli/table.h"
#include "cli/units.h"
#include "cli/watch_frame.h"

namespace lastgood::cli {

namespace {

using Align = Column::Align;

constexpr std::size_t kAiryRows = 30;  // of the screen: from so many on there are blank lines between the lists

/// Where the checkpoint does not follow the one before: a rollback.
std::string marks_of(const CheckpointInfo& checkpoint, const CheckpointInfo* before) {
  std::string text;
  const auto add = [&](const std::string& mark) { text += (text.empty() ? "" : ", ") + mark; };
  if (before != nullptr && checkpoint.parent && *checkpoint.parent != before->id) {
    add("back to " + std::to_string(checkpoint.parent->value));
  }
  for (const std::string& remark : remarks(checkpoint)) add(remark);
  return text;
}

Table checkpoint_table(const Frame& frame, const RunView& view) {
  Table table({{""},
               {"CHECKPOINT", Align::right},
               {"STEP", Align::right},
               {"AGE", Align::right},
               {"KIND"},
               {"STABILITY"},
               {"LOSS", Align::right},
               {"NEW", Align::right},
               {.title = "MARKS", .shrinks = true}});
  for (std::size_t i = 0; i < view.checkpoints.size(); ++i) {
    const CheckpointInfo& saved = view.checkpoints[i];
    const CheckpointInfo* before = i + 1 < view.checkpoints.size() ? &view.checkpoints[i + 1] : nullptr;
    table.add({{saved.is_head ? "*" : ""},
               {std::to_string(saved.id.value), saved.is_head ? Tone::strong : Tone::plain},
               {std::to_string(saved.step)},
               {frame.age(saved.created_at_ms)},
               {to_string(saved.kind)},
               {to_string(saved.stability), tone_of(saved.stability)},
               {shown_loss(saved)},
               {human_bytes(saved.bytes_new)},
               {marks_of(saved, before), saved.intact ? Tone::plain : Tone::bad}});
  }
  return table;
}

Table recovery_table(const Frame& frame, const RunView& view) {
  Table table({{"RECOVERY", Align::right},
               {"STEP", Align::right},
               {"AGE", Align::right},
               {.title = "FAILURE", .shrinks = true},
               {.title = "ACTION", .shrinks = true},
               {"BACK TO", Align::right},
               {"OUTCOME"}});
  for (const Recovery& recovery : view.recoveries) {
    table.add({{std::to_string(recovery.id.value)},
               {std::to_string(recovery.step)},
               {frame.age(recovery.recorded_at_ms)},
               {recovery.failure},
               {recovery.action},
               {recovery.restored ? std::to_string(recovery.restored->value) : "-"},
               {to_string(recovery.outcome), tone_of(recovery.outcome)}});
  }
  return table;
}

Table session_table(const Frame& frame, const RunView& view) {
  Table table({{"SESSION", Align::right},
               {"STATE"},
               {"AGE", Align::right},
               {"LASTED", Align::right},
               {"RESUMED FROM", Align::right},
               {"STEPS LOST", Align::right},
               {.title = "ENDING", .shrinks = true}});
  for (const SessionRecord& record : view.sessions) {
    const auto& [session, cost] = record;
    table.add({{std::to_string(session.id.value)},
               shown_state(record),
               {frame.age(session.started_at_ms)},
               {lasted(session)},
               {session.resumed_from ? std::to_string(session.resumed_from->value) : "-"},
               {steps_lost(record)},
               {cost.ending}});
  }
  return table;
}

Table alarm_table(const Frame& frame, const RunView& view) {
  Table table({{.title = "ALARM", .shrinks = true},
               {"STEP", Align::right},
               {"AGE", Align::right},
               {"SEVERITY"},
               {.title = "MESSAGE", .shrinks = true}});
  for (const Event& alarm : view.alarms) {
    table.add({{alarm.kind},
               {std::to_string(alarm.step)},
               {frame.age(alarm.recorded_at_ms)},
               {to_string(alarm.severity), tone_of(alarm.severity)},
               {alarm.message}});
  }
  return table;
}

/// How many lines each list gets of `available`: by turns a line each, from two on, its titles and an item, up to what
/// it has.
std::vector<std::size_t> shared_rows(const std::vector<std::size_t>& wanted, std::size_t available) {
  constexpr std::size_t kLeast = 2;
  std::vector<std::size_t> given(wanted.size(), 0);
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::size_t next = given[i] == 0 ? kLeast : 1;
      if (given[i] >= wanted[i] || available < next) continue;
      given[i] += next;
      available -= next;
      more = true;
    }
  }
  return given;
}

}  // namespace

void add_lists(Lines& lines, const Frame& frame, const RunView& view) {
  std::vector<Lines> lists;
  for (const Table& table : {checkpoint_table(frame, view), recovery_table(frame, view), alarm_table(frame, view),
                             session_table(frame, view)}) {
    lists.push_back(table.lines(frame.size.columns, frame.style.color));
  }
  // Titles alone tell nothing.
  std::erase_if(lists, [](const Lines& list) { return list.size() == 1; });
  const std::size_t left = frame.size.rows - std::min(frame.size.rows, lines.size());
  const bool airy = frame.size.rows >= kAiryRows;
  std::vector<std::size_t> wanted;
  wanted.reserve(lists.size());
  for (const Lines& list : lists) wanted.push_back(list.size());
  const auto given = shared_rows(wanted, left - std::min(left, airy ? lists.size() : 1));
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (given[i] != 0 && (airy || i == 0)) lines.emplace_back();
    lines.insert(lines.end(), lists[i].begin(), lists[i].begin() + static_cast<std::ptrdiff_t>(given[i]));
  }
}

}  // namespace lastgood::cli

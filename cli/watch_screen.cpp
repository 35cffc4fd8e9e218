// From the top: what one looks for first. Then the charts, whose height depends on the screen's, and lists, which share
// what is left.
#include "cli/watch_screen.h"

#include <algorithm>

#include "cli/checkpoints.h"
#include "cli/records.h"
#include "cli/text.h"
#include "cli/units.h"
#include "cli/watch_frame.h"

namespace lastgood::cli {

namespace {

std::string title(const Frame& frame, const RunView& view) {
  // A long name leaves room for the rest.
  const std::string name = fit(escape(view.run->name), frame.size.columns / 2);
  std::string text = Frame::row("run", frame.paint(name, Tone::strong)) + ", " +
                     counted(view.run->checkpoints, "checkpoint") + ", " + counted(view.run->sessions, "session");
  if (view.runs > 1) text += "; " + counted(view.runs - 1, "other run");
  return text;
}

std::string session_line(const Frame& frame, const RunView& view) {
  const SessionInfo& session = view.sessions.front().info;
  const Cell state = shown_state(view.sessions.front());
  std::string text = std::to_string(session.id.value) + ", " + frame.paint(state.text, state.tone) + ", began " +
                     frame.age(session.started_at_ms) + " ago";
  if (session.ended_at_ms) text += ", ended " + frame.age(*session.ended_at_ms) + " ago";
  if (session.state == SessionState::open) {
    text += ", pid " + std::to_string(session.pid) + " on " + escape(session.host);
  }
  return Frame::row("session", text);
}

std::string health_line(const Frame& frame, const RunView& view) {
  if (view.observations.empty()) return Frame::row("health", "nothing was observed yet");
  const Health health = view.dashboard.overall_health;
  const Observation& newest = view.observations.back();
  return Frame::row("health", frame.paint(to_string(health), tone_of(health)) + ", score " +
                                  human_number(view.dashboard.health_score) + " of 100, at step " +
                                  std::to_string(newest.step) + ", " + frame.age(newest.recorded_at_ms) + " ago");
}

/// "2026-11-24 14:00:00 UTC"
std::string clock_time(std::int64_t at_ms) {
  std::string text = iso_time(at_ms);
  text.resize(text.find('.'));
  text[text.find('T')] = ' ';
  return text + " UTC";
}

std::string time_line(const Frame& frame, const RunView& view) {
  const auto left = std::chrono::milliseconds(view.end->at_ms - frame.now_ms);
  const std::string until = clock_time(view.end->at_ms) + " (" + escape(view.end->source) + ")";
  if (left.count() <= 0) return Frame::row("time left", frame.paint("none", Tone::bad) + ": the end was " + until);
  return Frame::row("time left", frame.paint(human_duration(left), Tone::strong) + ", until " + until);
}

/// "35ms", "12s", "3m"
std::string span(std::chrono::microseconds time) {
  const auto whole = std::chrono::round<std::chrono::milliseconds>(time);
  constexpr std::chrono::seconds kShown{10};  // from here on without the fraction
  return whole < kShown ? std::to_string(whole.count()) + "ms" : human_duration(whole);
}

std::string save_line(const Frame& frame, const RunView& view) {
  if (view.last_save && !view.last_save->checkpoint) {
    return Frame::row("last save",
                      frame.paint("failed", Tone::bad) + " at step " + std::to_string(view.last_save->step) + ", " +
                          frame.age(view.last_save->recorded_at_ms) + " ago" + ": " + escape(view.last_save->error));
  }
  if (view.checkpoints.empty()) return Frame::row("last save", "none yet");
  const CheckpointInfo& newest = view.checkpoints.front();
  std::string text = "checkpoint " + brief(newest) + ", " + frame.age(newest.created_at_ms) + " ago";
  if (view.last_save && view.last_save->checkpoint == newest.id) {
    text += ", " + human_bytes(view.last_save->bytes_new) + " new in " + span(view.last_save->durable) +
            ", training held for " + span(view.last_save->blocked);
  }
  return Frame::row("last save", text);
}

std::string stable_line(const RunView& view) {
  const HealthDashboard& board = view.dashboard;
  if (!board.last_stable_checkpoint) return Frame::row("last stable", "none");
  return Frame::row("last stable", "checkpoint " + std::to_string(board.last_stable_checkpoint->value) + " (step " +
                                       std::to_string(*board.last_stable_step) + ")");
}

}  // namespace

std::string Frame::age(std::int64_t at_ms) const {
  return human_duration(std::chrono::milliseconds(now_ms - at_ms));
}

std::string Frame::row(std::string_view label, const std::string& value) {
  return std::string(label) + std::string(kLabelColumns - label.size(), ' ') + value;
}

std::string fit_line(std::string_view painted, std::size_t columns, ScreenStyle style) {
  const std::string line = fit_painted(painted, columns);
  return style.utf8 ? line : ascii_only(line);
}

std::vector<std::string> watch_screen(const RunView& view, ScreenSize size, ScreenStyle style, std::int64_t now_ms) {
  const Frame frame{size, style, now_ms};
  Lines lines;
  if (!view.run) {
    lines.emplace_back("no runs yet");
  } else {
    lines.push_back(title(frame, view));
    if (!view.sessions.empty()) lines.push_back(session_line(frame, view));
    lines.push_back(health_line(frame, view));
    if (view.end) lines.push_back(time_line(frame, view));
    lines.push_back(save_line(frame, view));
    lines.push_back(stable_line(view));
    add_charts(lines, frame, view);
    add_lists(lines, frame, view);
  }
  lines.resize(std::min(lines.size(), size.rows));
  for (std::string& line : lines) line = fit_line(line, size.columns, style);
  return lines;
}

}  // namespace lastgood::cli

// The screen of `lastgood watch`, from made up numbers.
#include <catch2/catch.hpp>
#include <cmath>

#include "cli/text.h"
#include "cli/watch_screen.h"

namespace lastgood::test {

using namespace cli;

namespace {

constexpr std::int64_t kNow = 1'795'521'600'000;  // 2026-11-24T12:00:00Z
constexpr std::int64_t kMinute = 60'000;

CheckpointInfo checkpoint(std::int64_t id, Step step, std::optional<std::int64_t> parent) {
  CheckpointInfo info;
  info.id = CheckpointId{id};
  info.step = step;
  if (parent) info.parent = CheckpointId{*parent};
  info.created_at_ms = kNow - 3 * kMinute;
  info.bytes_new = 1536;
  info.metrics = {{"loss", 0.5}};
  return info;
}

RunInfo run_named(const std::string& name) {
  RunInfo run;
  run.name = name;
  return run;
}

/// A run in trouble, of which everything is known. `most`: how much there is of each.
RunView full_view(int most = 3, const std::string& text = "text") {
  RunView view;
  view.run = run_named(text);
  view.run->checkpoints = 3;
  view.run->sessions = 2;
  view.runs = 2;
  view.dashboard.overall_health = Health::warning;
  view.dashboard.health_score = 55;
  view.dashboard.last_stable_checkpoint = CheckpointId{1};
  view.dashboard.last_stable_step = 10;
  SessionInfo session;
  session.id = SessionId{2};
  session.pid = 4711;
  session.host = text;
  session.started_at_ms = kNow - 5 * kMinute;
  view.end = RunView::End{kNow + 90 * kMinute, text};
  SaveCost save{.step = 30, .checkpoint = CheckpointId{most}, .bytes_new = 1536};
  save.blocked = std::chrono::microseconds(7'400);
  save.durable = std::chrono::seconds(12);
  view.last_save = save;
  for (int i = 1; i <= most; ++i) {
    view.observations.push_back({.step = i,
                                 .loss = 4.0 / i,
                                 .gradient_norm = i == 2 ? std::nan("") : 1.0,
                                 .health = static_cast<Health>(i % 4),
                                 .recorded_at_ms = kNow - 12'000});
    view.checkpoints.insert(view.checkpoints.begin(),
                            checkpoint(i, 10 * i, i == 1 ? std::nullopt : std::optional(i == 3 ? 1 : i - 1)));
    view.sessions.push_back({session, {.session = session.id, .ending = text}});
    view.recoveries.push_back(
        {.id = RecoveryId{i}, .step = 25, .failure = text, .action = text, .recorded_at_ms = kNow});
    view.alarms.push_back(
        {.step = 25, .kind = text, .severity = Severity::critical, .message = text, .recorded_at_ms = kNow});
  }
  if (most == 0) return view;
  view.checkpoints.front().is_head = true;
  view.checkpoints.front().tags = {text};
  return view;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

bool has_line(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

}  // namespace

TEST_CASE("the screen tells health, time, saves, charts and lists") {
  set_text_locale();
  CHECK(joined(watch_screen(full_view(), {80, 24}, {}, kNow)) ==
        R"(run         text, 3 checkpoints, 2 sessions; 1 other run
session     2, open, began 5m ago, pid 4711 on text
health      warning, score 55 of 100, at step 3, 12s ago
time left   90m, until 2026-11-24 13:30:00 UTC (text)
last save   checkpoint 3 (step 30), 3m ago, 1.50 KiB new in 12s, training held …
last stable checkpoint 1 (step 10)

loss        █                                                     max 4
1.333       █▅▁                                                   min 1.333
gradient     ×                                                    max 1
1           █×█                                                   min 1
verdict     ─!X
            step 1  step 3

   CHECKPOINT  STEP  AGE  KIND     STABILITY  LOSS       NEW  MARKS
*           3    30   3m  regular  unknown     0.5  1.50 KiB  back to 1, text
            2    20   3m  regular  unknown     0.5  1.50 KiB
RECOVERY  STEP  AGE  FAILURE  ACTION  BACK TO  OUTCOME
       1    25   0s  text     text          -  probation
       2    25   0s  text     text          -  probation
ALARM  STEP  AGE  SEVERITY  MESSAGE
text     25   0s  critical  text
SESSION  STATE  AGE  LASTED  RESUMED FROM  STEPS LOST  ENDING
      2  open    5m       -             -           -  text
)");
}

TEST_CASE("a higher screen has higher charts and longer lists, a wider one longer lines") {
  set_text_locale();
  const auto lines = watch_screen(full_view(), {140, 48}, {}, kNow);
  CHECK(has_line(lines, "last save   checkpoint 3 (step 30), 3m ago, 1.50 KiB new in 12s, training held for 7ms"));
  CHECK(has_line(lines, "            1    10   3m  regular  unknown     0.5  1.50 KiB"));
  CHECK(has_line(lines, "            █▁"));  // the third of the loss' four rows
}

TEST_CASE("without UTF-8 all is ASCII") {
  set_text_locale();
  const auto lines = watch_screen(full_view(3, "学習 run"), {80, 24}, {.utf8 = false}, kNow);
  CHECK(lines[0] == "run         ???? run, 3 checkpoints, 2 sessions; 1 other run");
  CHECK(lines[4].ends_with(", training held ~"));
  CHECK(has_line(lines, "1.333       #+.                                                   min 1.333"));
  CHECK(has_line(lines, "verdict     -!X"));
}

TEST_CASE("colours are those of the verdicts, and change no text") {
  set_text_locale();
  const auto plain = watch_screen(full_view(), {80, 24}, {}, kNow);
  const auto colored = watch_screen(full_view(), {80, 24}, {.color = true}, kNow);
  REQUIRE(colored.size() == plain.size());
  CHECK(has_line(colored, "verdict     \x1b[32m─\x1b[0m\x1b[33m!\x1b[0m\x1b[31mX\x1b[0m"));
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(painted_width(colored[i]) == painted_width(plain[i]));
}

TEST_CASE("no line is wider and no screen higher than the terminal, whatever it shows") {
  set_text_locale();
  const std::string hostile = "\x1b[2J\n\xe2\x80\xae\xff" + std::string(200, 'x') + "学学学学";
  RunView broken = full_view(40, hostile);
  for (Observation& seen : broken.observations) seen.loss = -HUGE_VAL;
  broken.observations.back().step = std::numeric_limits<Step>::max();
  RunView failed = full_view(1);
  failed.last_save = SaveCost{.error = hostile};
  failed.end = RunView::End{0, hostile};
  RunView empty = full_view(0);
  empty.sessions.push_back({});
  for (const RunView& view : {full_view(), broken, failed, RunView{}}) {
    for (const std::size_t columns : {1, 2, 11, 12, 13, 20, 47, 48, 80, 140, 300}) {
      for (std::size_t rows = 0; rows <= 60; rows += rows < 10 ? 1 : 10) {
        for (const ScreenStyle style : {ScreenStyle{}, ScreenStyle{.color = true}, ScreenStyle{.utf8 = false}}) {
          INFO(columns << " x " << rows);
          const auto lines = watch_screen(view, {columns, rows}, style, kNow);
          CHECK(lines.size() <= rows);
          for (const std::string& line : lines) {
            CHECK(painted_width(line) <= columns);
            CHECK(line.find('\n') == std::string::npos);
            CHECK(line.find("\x1b[2J") == std::string::npos);
            if (!style.color) CHECK(line.find('\x1b') == std::string::npos);
            if (!style.utf8) CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c > 0; }));
          }
        }
      }
    }
  }
}

TEST_CASE("what is not there is said, or left out") {
  set_text_locale();
  CHECK(watch_screen(RunView{}, {80, 24}, {}, kNow) == std::vector<std::string>{"no runs yet"});
  RunView view;
  view.run = run_named("new");
  CHECK(joined(watch_screen(view, {80, 24}, {}, kNow)) ==
        "run         new, 0 checkpoints, 0 sessions\n"
        "health      nothing was observed yet\n"
        "last save   none yet\n"
        "last stable none\n");
  view.observations = {{.step = 7, .loss = std::nan(""), .recorded_at_ms = kNow}};
  const auto lines = watch_screen(view, {80, 24}, {}, kNow);
  CHECK(has_line(lines, "loss        ×"));
  CHECK(has_line(lines, "nan         ×"));
  CHECK(has_line(lines, "            step 7"));
  CHECK(std::none_of(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("gradient"); }));
}

TEST_CASE("an end that has passed, and a save that failed, are called so") {
  set_text_locale();
  RunView view = full_view();
  view.end->at_ms = kNow;
  view.last_save = SaveCost{.step = 40, .error = "the disk is full", .recorded_at_ms = kNow - kMinute};
  const auto lines = watch_screen(view, {80, 24}, {}, kNow);
  CHECK(has_line(lines, "time left   none: the end was 2026-11-24 12:00:00 UTC (text)"));
  CHECK(has_line(lines, "last save   failed at step 40, 60s ago: the disk is full"));
}

TEST_CASE("a long name leaves room for the rest of its line") {
  set_text_locale();
  const auto lines = watch_screen(full_view(3, std::string(256, 'x')), {80, 24}, {}, kNow);
  CHECK(lines[0].ends_with("xxx…, 3 checkpoints, 2 sessions…"));
  CHECK(painted_width(lines[0]) == 80);
}

TEST_CASE("a session that has ended says when") {
  set_text_locale();
  RunView view = full_view();
  view.end.reset();
  view.sessions.front().info.state = SessionState::interrupted;
  view.sessions.front().info.ended_at_ms = kNow - 2 * kMinute;
  const auto lines = watch_screen(view, {80, 24}, {}, kNow);
  CHECK(lines[1] == "session     2, interrupted, began 5m ago, ended 2m ago");
  CHECK(
      std::none_of(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with("time left"); }));
}

}  // namespace lastgood::test

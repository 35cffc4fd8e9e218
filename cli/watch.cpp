// lastgood watch: a run on one screen, drawn anew every few seconds, while it trains or afterwards.
// JSON: as json_run_view() in run_view.h says; with --interval a document on each line. One that could not be had is an
// error's, as errors.h says.
// Opens the store for reading only, anew for each look: it holds nothing between two of them, and sees a catalog that
// was rebuilt meanwhile. A catalog that is busy is asked again at the next look.
//
// Prints a screen on a terminal, else the same lines, 100 columns wide. Flags: --once, --interval (they exclude each
// other), --run. Exit codes: 0 where it prints once, or its reader went away; 130 when a signal ended it; 2 for an
// interval out of 1 to 86400.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/run_view.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/watch_screen.h"

namespace lastgood::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kIntervalSeconds = 2;
constexpr std::uint64_t kLongestInterval = 86'400;
// Short, as it is asked again anyway, and Ctrl-C is answered in between.
constexpr std::chrono::milliseconds kPatience{500};
// Where there is no terminal: as wide as tables are.
constexpr ScreenSize kPaper{Table::kWidth, 40};

struct Options {
  std::optional<std::uint64_t> interval;
  bool once = false;
};

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

ScreenStyle style_of(const Context& context) {
  return {.color = context.color(), .utf8 = has_utf8_locale()};
}

void print_view(Context& context, const RunView& view) {
  if (context.json) return print(context.out, json_run_view(view));
  ScreenSize size = kPaper;
  if (isatty(STDOUT_FILENO) == 1) {
    size = terminal_size();
    size.rows = std::max<std::size_t>(size.rows, 2) - 1;  // one for the prompt
  }
  for (const std::string& line : watch_screen(view, size, style_of(context), now_ms())) context.out.line(line);
}

ExitCode print_once(Context& context) {
  print_view(context, look_at_run(context.open_read_only(), context.run));
  return ExitCode::ok;
}

/// After the first look, a catalog that cannot be read may be one that is just being exchanged.
bool passes(const Error& error, bool first) {
  const bool unreadable = error.code() == ErrorCode::io || error.code() == ErrorCode::corruption;
  return error.code() == ErrorCode::busy || (!first && unreadable);
}

/// Documents or screens one after the other, until a signal comes or the reader goes.
ExitCode print_again_and_again(Context& context, std::chrono::seconds interval) {
  const SignalWait signals(false);
  for (bool first = true;;) {
    const auto next = Clock::now() + interval;
    try {
      const RunView view = look_at_run(context.open_read_only(kPatience), context.run);
      if (!first && !context.json) context.out.line();
      print_view(context, view);
      first = false;
    } catch (const Error& error) {
      if (!passes(error, first)) throw;
      report_current_exception(context);
    }
    context.out.finish();
    if (context.out.is_closed()) return ExitCode::ok;
    if (signals.wait(next) == SignalWait::Woken::stop) return ExitCode::interrupted;
  }
}

class LiveScreen {
 public:
  LiveScreen(Context& context, std::chrono::seconds interval) : context_(context), interval_(interval) {}

  ExitCode run() {
    // First of all, so that no signal comes between the screen and its end.
    const SignalWait signals(true);
    look();  // before the screen is taken: a store that is not there is told where the user looks
    TerminalScreen screen;
    for (;;) {
      const auto next = Clock::now() + interval_;
      auto woken = SignalWait::Woken::redraw;
      while (woken != SignalWait::Woken::time) {
        draw(screen);
        woken = signals.wait(next);
        if (woken == SignalWait::Woken::stop) return ExitCode::interrupted;
        if (woken == SignalWait::Woken::suspend) screen.suspend();
      }
      look();
    }
  }

 private:
  void look() {
    try {
      view_ = look_at_run(context_.open_read_only(kPatience), context_.run);
      trouble_.clear();
    } catch (const Error& error) {
      if (!passes(error, !view_)) throw;
      trouble_ = escape(error.what());
    }
  }

  /// The last line tells what is the matter, or how to get out.
  void draw(TerminalScreen& screen) {
    const ScreenSize size = terminal_size();
    const ScreenStyle style = style_of(context_);
    std::vector<std::string> lines;
    if (view_) lines = watch_screen(*view_, {size.columns, size.rows - 1}, style, now_ms());
    lines.resize(size.rows - 1);
    const std::string every = "every " + std::to_string(interval_.count()) + "s; Ctrl-C ends";
    const std::string last =
        trouble_.empty() ? paint(every, Tone::faint, style.color) : paint(trouble_, Tone::doubtful, style.color);
    lines.push_back(fit_line(last, size.columns, style));
    screen.draw(context_.out, lines, size);
  }

  Context& context_;
  std::chrono::seconds interval_;
  std::optional<RunView> view_;
  std::string trouble_;
};

ExitCode watch(Context& context, const Options& options) {
  if (options.once && options.interval) {
    throw UsageError("--once and --interval contradict each other; see `lastgood watch --help`");
  }
  const std::uint64_t seconds = options.interval.value_or(kIntervalSeconds);
  if (seconds == 0 || seconds > kLongestInterval) {
    throw UsageError("--interval takes 1 to " + std::to_string(kLongestInterval) +
                     " seconds; see `lastgood watch --help`");
  }
  const std::chrono::seconds interval(seconds);
  if (!options.once && !context.json && is_screen()) return LiveScreen(context, interval).run();
  return options.interval ? print_again_and_again(context, interval) : print_once(context);
}

}  // namespace

Command watch_command() {
  const auto options = std::make_shared<Options>();
  return {
      .name = "watch",
      .summary = "a run on one screen while it trains: loss, gradients, saves, time left",
      .details =
          "Of the run that began a session last, unless --run names one. Reads the store only, and never holds\n"
          "the trainer; shows what was written, up to the newest batch. Bars are the largest of the steps they\n"
          "stand for; below them the worst verdict: ! a warning, X critical, a dot where nobody looked. Into a\n"
          "pipe or a file, and with --json, it prints once, or again and again where --interval is given: with\n"
          "--json a document a line. Ctrl-C ends it, with 130.",
      .arguments = {{.names = "--once", .help = "print once and end", .target = &options->once},
                    {.names = "--interval",
                     .placeholder = "SECONDS",
                     .help = "how often to look, 1 to 86400; default: 2",
                     .target = &options->interval}},
      .examples = {"lastgood watch", "lastgood watch --run gpt2-small --interval 10", "lastgood watch --once --json"},
      .run = [options](Context& context) { return watch(context, *options); }};
}

}  // namespace lastgood::cli

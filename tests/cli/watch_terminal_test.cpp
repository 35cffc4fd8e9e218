// lastgood watch on a terminal: what it draws, and that the terminal is as it was, whichever way it ends.
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "cli/text.h"
#include "tests/cli/terminal_process.h"
#include "tests/cli/watched_store.h"

namespace lastgood::test {

namespace {

const std::string kEnter = "\x1b[?1049h\x1b[?25l";  // the alternate screen, no cursor
const std::string kLeave = "\x1b[?25h\x1b[?1049l";
const std::string kFrameEnds = "\x1b[?2026l";

Words watching(const SampleStore& sample, const std::string& interval) {
  return {LASTGOOD_COMMAND, "--store", sample.path().string(), "watch", "--interval", interval};
}

/// Looks once and then waits: what it draws later, it was asked for.
Words watching(const SampleStore& sample) {
  return watching(sample, "86400");
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The lines of a frame, as the screen shows them.
std::vector<std::string> lines_of(std::string frame) {
  frame.erase(0, frame.rfind("\x1b[H", frame.rfind("\x1b[J")) + 3);
  frame.erase(frame.find("\x1b[J"));
  std::vector<std::string> lines;
  for (std::size_t start = 0; start <= frame.size();) {
    const std::size_t end = std::min(frame.find("\r\n", start), frame.size());
    std::string line = frame.substr(start, end - start);
    std::erase(line, '\r');  // the terminal makes two of them
    if (const auto erase = line.find("\x1b[K"); erase != std::string::npos) line.erase(erase, 3);
    lines.push_back(line);
    start = end + 2;
  }
  return lines;
}

}  // namespace

TEST_CASE("watch draws a screen, and Ctrl-C ends it and gives the terminal back") {
  const WatchedStore sample(true);
  TerminalProcess watch(watching(sample), 80, 24);
  const std::string first = watch.read_until(kFrameEnds);
  CHECK(first.starts_with(kEnter));
  CHECK(contains(first, "session     1, \x1b[1mopen\x1b[0m"));
  CHECK(contains(first, "until 2100-01-01 12:00:00 UTC (slurm)"));
  CHECK(lines_of(first).size() == 24);
  CHECK(lines_of(first).back() == "\x1b[2mevery 86400s; Ctrl-C ends\x1b[0m");
  const termios before = watch.modes();
  watch.type("\x03");
  const int status = watch.wait_for_status();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  const std::string last = watch.read_rest();
  CHECK(last.ends_with(kLeave));
  CHECK_FALSE(contains(last, kEnter));
  const termios after = watch.modes();
  CHECK(std::memcmp(&before, &after, sizeof before) == 0);
}

TEST_CASE("signals that ask it to end are answered like Ctrl-C") {
  const WatchedStore sample;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    INFO(number);
    TerminalProcess watch(watching(sample), 80, 24);
    watch.read_until(kFrameEnds);
    watch.signal(number);
    CHECK(WEXITSTATUS(watch.wait_for_status()) == 130);
    CHECK(watch.read_rest().ends_with(kLeave));
  }
}

TEST_CASE("a signal that the parent had it ignore stays ignored") {
  const WatchedStore sample;
  Words words = watching(sample);
  words.insert(words.begin(), {"/bin/sh", "-c", R"(trap '' HUP; exec "$0" "$@")"});
  TerminalProcess watch(words, 80, 24);
  watch.read_until(kFrameEnds);
  watch.signal(SIGHUP);
  watch.resize(40, 24);
  watch.read_until(kFrameEnds);
  watch.signal(SIGTERM);
  CHECK(WEXITSTATUS(watch.wait_for_status()) == 130);
}

TEST_CASE("signals that end it at once leave the terminal as it was, too") {
  const WatchedStore sample;
  for (const int number : {SIGQUIT, SIGABRT, SIGSEGV, SIGUSR1, SIGALRM}) {
    INFO(number);
    TerminalProcess watch(watching(sample), 80, 24);
    watch.read_until(kFrameEnds);
    watch.signal(number);
    const int status = watch.wait_for_status();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == number);
    CHECK(watch.read_rest().ends_with(kLeave));
  }
}

TEST_CASE("Ctrl-Z gives the terminal back, and the screen is drawn again afterwards") {
  const WatchedStore sample;
  TerminalProcess watch(watching(sample), 80, 24);
  watch.read_until(kFrameEnds);
  watch.type("\x1a");
  const int status = watch.wait_for_status();
  CHECK(WIFSTOPPED(status));
  watch.read_until(kLeave);
  watch.signal(SIGCONT);
  watch.read_until(kEnter);
  CHECK(contains(watch.read_until(kFrameEnds), "demo"));
  watch.signal(SIGTERM);
  CHECK(WEXITSTATUS(watch.wait_for_status()) == 130);
  CHECK(watch.read_rest().ends_with(kLeave));
}

TEST_CASE("the screen follows the terminal's size") {
  cli::set_text_locale();
  const WatchedStore sample;
  TerminalProcess watch(watching(sample), 80, 24);
  watch.read_until(kFrameEnds);
  for (const auto& [columns, rows] : {std::pair{140, 40}, {20, 5}, {1, 1}, {200, 60}}) {
    INFO(columns << " x " << rows);
    watch.resize(static_cast<unsigned short>(columns), static_cast<unsigned short>(rows));
    const std::string frame = watch.read_until(kFrameEnds);
    CHECK_FALSE(contains(frame, "…\x1b[K"));  // behind the last column, it would erase that one
    const auto lines = lines_of(frame);
    CHECK(lines.size() == static_cast<std::size_t>(rows));
    for (const std::string& line : lines) CHECK(cli::painted_width(line) <= static_cast<std::size_t>(columns));
  }
}

TEST_CASE("a store that is not there is told on the terminal as it was") {
  TerminalProcess watch({LASTGOOD_COMMAND, "--store", "/nowhere", "watch"}, 80, 24);
  CHECK(WEXITSTATUS(watch.wait_for_status()) == 10);
  const std::string told = watch.read_rest();
  CHECK(told == "lastgood: no store at '/nowhere': there is no such directory\r\n");
}

TEST_CASE("a store that goes away meanwhile ends the watch, and is told behind the screen") {
  const WatchedStore sample;
  TerminalProcess watch(watching(sample, "1"), 80, 24);
  watch.read_until(kFrameEnds);
  std::filesystem::remove_all(sample.path());
  CHECK(WEXITSTATUS(watch.wait_for_status()) == 10);
  CHECK(contains(watch.read_rest(), kLeave + "lastgood: no store at"));
}

TEST_CASE("a catalog that is busy is waited out, and so is one that is lost for a while") {
  const WatchedStore sample;
  const std::string catalog = (sample.path() / "catalog.db").string();
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(catalog.c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  TerminalProcess watch(watching(sample, "1"), 200, 24);
  watch.read_until("is in use by process");
  sqlite3_close(other);
  watch.read_until("last stable");
  std::filesystem::rename(catalog, catalog + ".away");
  watch.read_until("has lost its catalog");
  std::filesystem::rename(catalog + ".away", catalog);
  watch.read_until("\x1b[2mevery 1s; Ctrl-C ends");  // nothing is the matter any more
  watch.type("\x03");
  CHECK(WEXITSTATUS(watch.wait_for_status()) == 130);
}

TEST_CASE("watch draws no colours where somebody objects, and nothing at all on a dumb terminal") {
  const WatchedStore sample;
  const Words words = {"watch", "--interval", "86400"};
  const auto shown = [&](std::map<std::string, std::string> variables) {
    return lastgood(sample.path(), words,
                    {.terminal = Surroundings::Terminal::both, .interrupted = true, .variables = std::move(variables)})
        .out;
  };
  CHECK(contains(shown({}), "\x1b[32m"));
  CHECK(contains(shown({{"NO_COLOR", "1"}}), kEnter));
  CHECK_FALSE(contains(shown({{"NO_COLOR", "1"}}), "\x1b[32m"));
  CHECK_FALSE(contains(shown({{"TERM", "dumb"}}), "\x1b"));
}

}  // namespace lastgood::test

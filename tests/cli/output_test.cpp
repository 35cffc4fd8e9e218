// Standard output that is a terminal, a pipe whose reader left, or a full disk; progress, and Ctrl-C.
#include <catch2/catch.hpp>
#include <regex>

#include <lastgood/history.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

constexpr auto kTerminal = Surroundings::Terminal::both;
constexpr const char* kEraseLine = "\r\x1b[K";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("colours are for terminals, and only where nobody objects") {
  const BranchedStore sample;
  CHECK(contains(lastgood(sample.path(), {"list"}, {.terminal = kTerminal}).out, "\x1b[32mstable\x1b[0m"));
  CHECK(contains(lastgood(sample.path(), {"log"}, {.terminal = kTerminal}).out, "\x1b["));
  for (const char* command : {"list", "log", "show", "runs", "sessions", "stats", "verify"}) {
    INFO(command);
    CHECK_FALSE(contains(lastgood(sample.path(), {command}).out, "\x1b"));
    CHECK_FALSE(
        contains(lastgood(sample.path(), {command, "--no-color", "--quiet"}, {.terminal = kTerminal}).out, "\x1b"));
    CHECK_FALSE(contains(lastgood(sample.path(), {command, "--json", "--quiet"}, {.terminal = kTerminal}).out, "\x1b"));
  }
  CHECK_FALSE(contains(lastgood(sample.path(), {"list"}, {.terminal = kTerminal, .variables = {{"NO_COLOR", "1"}}}).out,
                       "\x1b"));
  CHECK(contains(lastgood(sample.path(), {"list"}, {.terminal = kTerminal, .variables = {{"NO_COLOR", ""}}}).out,
                 "\x1b"));
  CHECK_FALSE(contains(lastgood(sample.path(), {"list"}, {.terminal = kTerminal, .variables = {{"TERM", "dumb"}}}).out,
                       "\x1b"));
}

TEST_CASE("verify, gc and rebuild show progress on a terminal, and clear it away") {
  for (const char* command : {"verify", "gc", "rebuild"}) {
    INFO(command);
    const BranchedStore sample;
    REQUIRE(lastgood(sample.path(), {"forget", "3", "4"}).exit == 0);
    const Finished shown = lastgood(sample.path(), {command}, {.terminal = kTerminal});
    CHECK(shown.exit == 0);
    CHECK(contains(shown.out, "\x1b[K"));
    CHECK(contains(shown.out, kEraseLine));
    CHECK(std::regex_search(shown.out, std::regex("\r\\w+ .*\\d (B|KiB|MiB)")));
    CHECK_FALSE(contains(lastgood(sample.path(), {command, "--quiet"}, {.terminal = kTerminal}).out, "\x1b[K"));
    CHECK(lastgood(sample.path(), {command}).err == "");
  }
}

TEST_CASE("Ctrl-C stops verify, gc and rebuild at a safe point with exit 130") {
  const BranchedStore sample;
  REQUIRE(lastgood(sample.path(), {"forget", "3"}).exit == 0);
  for (const Words& words : std::vector<Words>{{"verify"}, {"gc"}, {"gc", "--dry-run"}, {"rebuild"}}) {
    INFO(words[0]);
    const Finished stopped = lastgood(sample.path(), words, {.interrupted = true});
    CHECK(stopped.exit == 130);
    CHECK(stopped.out == "");
    CHECK(stopped.err.starts_with("lastgood: "));
  }
  const Finished json = lastgood(sample.path(), {"verify", "--json"}, {.interrupted = true});
  CHECK(json.exit == 130);
  CHECK(json.json()["error"]["code"] == "cancelled");
  CHECK(lastgood(sample.path(), {"verify"}).exit == 0);
}

TEST_CASE("Ctrl-C in a gc that has forgotten already says what it forgot") {
  const BranchedStore sample;
  const Finished stopped = lastgood(sample.path(), {"gc", "--keep-last", "1"}, {.interrupted = true});
  CHECK(stopped.exit == 130);
  CHECK(stopped.err.starts_with("lastgood: forgot 3, 4, but freed nothing yet: "));
  CHECK(list_checkpoints(sample.open()).size() == 3);
}

TEST_CASE("a reader that leaves early is no error, and nothing is said") {
  const BranchedStore sample;
  for (const Words& words : std::vector<Words>{{"list"}, {"log", "--json"}, {"--help"}, {"completion", "bash"}}) {
    INFO(words[0]);
    const Finished finished = lastgood(sample.path(), words, {.reader = Surroundings::Reader::left});
    CHECK(finished.signal == 0);
    CHECK(finished.exit == 0);
    CHECK(finished.err == "");
  }
}

TEST_CASE("damage keeps its exit code where nobody reads the report") {
  const BranchedStore sample;
  sample.damage_newest();
  CHECK(lastgood(sample.path(), {"verify"}, {.reader = Surroundings::Reader::left}).exit == 20);
}

TEST_CASE("output that cannot be written is an error") {
  const BranchedStore sample;
  const Finished full = lastgood(sample.path(), {"list"}, {.out_file = "/dev/full"});
  CHECK(full.exit == 1);
  CHECK(full.err.starts_with("lastgood: cannot write to standard output: No space left on device"));
}

TEST_CASE("a very long list comes out whole") {
  const SampleStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    for (int i = 0; i < 300; ++i) REQUIRE(session.save({}, {.step = i}).ok());
  }
  const Finished list = lastgood(sample.path(), {"list"});
  CHECK(std::count(list.out.begin(), list.out.end(), '\n') == 301);
  CHECK(contains(list.out, "\n*  300"));
  CHECK(lastgood(sample.path(), {"list", "--json"}).json()["checkpoints"].size() == 300);
  CHECK(contains(lastgood(sample.path(), {"show"}).out, " <- 290 more\n"));
}

}  // namespace lastgood::test

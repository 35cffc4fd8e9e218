// lastgood watch, once or line after line. On a terminal: watch_terminal_test.cpp.
#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

#include <lastgood/session_cost.h>

#include "tests/cli/command.h"
#include "tests/cli/watched_store.h"

namespace lastgood::test {

namespace {

const Surroundings kUtf8 = {.variables = {{"LC_ALL", "C.UTF-8"}}};

/// Times of saves differ from run to run as well.
std::string shown(const std::string& text) {
  return without_chance(std::regex_replace(text, std::regex(R"(\b\d+ms\b)"), "MS"));
}

std::vector<nlohmann::json> documents(const std::string& text) {
  std::vector<nlohmann::json> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) found.push_back(nlohmann::json::parse(line));
  return found;
}

}  // namespace

TEST_CASE("watch --once prints one screen") {
  const WatchedStore sample;
  const Finished once = lastgood(sample.path(), {"watch", "--once"}, kUtf8);
  CHECK(once.exit == 0);
  CHECK(once.err == "");
  CHECK(shown(once.out) == R"(run demo, 3 checkpoints, 1 session
session 1, interrupted, began AGE ago, ended AGE ago
health healthy, score 100 of 100, at step 35, AGE ago
last save checkpoint 3 (step 35), AGE ago, SIZE new in MS, training held for MS
last stable checkpoint 1 (step 25)

loss █████ max 2
1 █████
 █████▁▁▁▁▁▁▁▁▁▁ min 1
gradient max 1
1 ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄
 ███████████████ min 1
verdict ──────────────·
 step 21 step 35

 CHECKPOINT STEP AGE KIND STABILITY LOSS NEW MARKS
* 3 35 AGE regular unknown 1 SIZE back to 1
 2 30 AGE regular unstable - SIZE
 1 25 AGE regular stable 2 SIZE

RECOVERY STEP AGE FAILURE ACTION BACK TO OUTCOME
 1 30 AGE nan_detected reduce_lr_10x 1 probation

ALARM STEP AGE SEVERITY MESSAGE
nan_detected 30 AGE critical NaN in layer.weight

SESSION STATE AGE LASTED RESUMED FROM STEPS LOST ENDING
 1 interrupted AGE AGE - 0
)");
  CHECK(shown(lastgood(sample.path(), {"watch"}, kUtf8).out) == shown(once.out));  // a pipe is no terminal
}

TEST_CASE("watch is ASCII where the locale is not UTF-8") {
  const WatchedStore sample;
  for (const auto& [all, lang] : {std::pair{"C", "en_US.UTF-8"}, {"", "de_DE.ISO-8859-1"}, {"", ""}}) {
    const std::string ascii =
        lastgood(sample.path(), {"watch"}, {.variables = {{"LC_ALL", all}, {"LC_CTYPE", ""}, {"LANG", lang}}}).out;
    CHECK(shown(ascii).find("\n #####.......... min 1\n") != std::string::npos);
    CHECK(std::all_of(ascii.begin(), ascii.end(), [](char c) { return c > 0; }));
  }
  CHECK(lastgood(sample.path(), {"watch"}, {.variables = {{"LC_ALL", ""}, {"LC_CTYPE", "xy.utf8"}, {"LANG", "C"}}})
            .out.find("█") != std::string::npos);
}

TEST_CASE("watch --json has what the screen shows, in full") {
  const WatchedStore sample(true);
  const auto document = lastgood(sample.path(), {"watch", "--json"}).json();
  CHECK(document["schema"] == 1);
  CHECK(document["run"] == "demo");
  CHECK(document["head"] == 3);
  CHECK(document["health"] == "healthy");
  CHECK(document["step"] == 35);
  CHECK(document["loss"] == 1.0);
  CHECK(document["gradient_norm"] == 1.0);
  CHECK(document["learning_rate"] == 0.5);
  CHECK(document["ends_at"] == "2100-01-01T12:00:00.000Z");
  CHECK(document["ends_by"] == "slurm");
  CHECK(document["last_stable"] == 1);
  REQUIRE(document["observations"].size() == 15);
  CHECK(document["observations"][0]["step"] == 21);
  CHECK(document["observations"][14]["health"] == "unchecked");
  REQUIRE(document["sessions"].size() == 1);
  CHECK(document["sessions"][0]["state"] == "open");
  REQUIRE(document["checkpoints"].size() == 3);
  CHECK(document["checkpoints"][0]["id"] == 3);
  CHECK(document["checkpoints"][0]["parent"] == 1);
  CHECK(document["recoveries"][0]["restored"] == 1);
  REQUIRE(document["alarms"].size() == 1);  // that the end is known is none
  CHECK(document["alarms"][0]["kind"] == "nan_detected");
}

TEST_CASE("numbers that are not finite are text in watch's JSON, and what is not known is null") {
  const SampleStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    session.record(
        Observation{.step = 1, .loss = -std::numeric_limits<double>::quiet_NaN(), .gradient_norm = -HUGE_VAL});
  }
  const auto document = lastgood(sample.path(), {"watch", "--json"}).json();
  CHECK(document["loss"] == "nan");
  CHECK(document["gradient_norm"] == "-inf");
  CHECK(document["learning_rate"].is_null());
  CHECK(document["head"].is_null());
  CHECK(document["last_save"].is_null());
  CHECK(document["last_stable"].is_null());
}

TEST_CASE("watch tells the time left while the session is open, and not afterwards") {
  {
    const WatchedStore open(true);
    CHECK(lastgood(open.path(), {"watch"}).out.find("until 2100-01-01 12:00:00 UTC (slurm)\n") != std::string::npos);
  }
  const WatchedStore ended;
  CHECK(lastgood(ended.path(), {"watch"}).out.find("time left") == std::string::npos);
  CHECK(lastgood(ended.path(), {"watch", "--json"}).json()["ends_at"].is_null());
}

TEST_CASE("of several notes of an end the newest counts, and what is malformed tells nothing") {
  const SampleStore sample;
  Store store = sample.open();
  Session session = store.start_session("demo");
  const auto end_after = [&](const char* detail) {
    session.record(Event{.kind = kSessionDeadline, .detail = detail});
    session.record(Recovery{.failure = "oom", .action = "none"});  // durable, and with it what is buffered
    return lastgood(sample.path(), {"watch", "--json"}).json();
  };
  CHECK(end_after(R"({"ends_at": 4102488000000, "source": "lsf"})")["ends_by"] == "lsf");
  CHECK(end_after(R"({"ends_at": 4102488060000, "source": "slurm"})")["ends_at"] == "2100-01-01T12:01:00.000Z");
  CHECK(end_after(R"({"ends_at": null, "source": ""})")["ends_at"].is_null());
  CHECK(end_after(R"({"ends_at": 4102488000000})")["ends_by"] == "");
  for (const char* bad : {"{}", R"({"ends_at": "soon"})", R"({"ends_at": 1.5})", R"({"ends_at": [1]})"}) {
    INFO(bad);
    CHECK(end_after(bad)["ends_at"].is_null());
  }
  CHECK(end_after(R"({"ends_at": -5, "source": 7})")["ends_at"] == "1970-01-01T00:00:00.000Z");
  CHECK(end_after(R"({"ends_at": 9223372036854775807})")["ends_at"] == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("watch shows the run of the newest session, or the one that is named") {
  const SampleStore sample;
  sample.train("b", 1);
  sample.train("a", 1);
  CHECK(lastgood(sample.path(), {"watch", "--json"}).json()["run"] == "a");
  CHECK(lastgood(sample.path(), {"watch", "--json", "--run", "b"}).json()["run"] == "b");
  CHECK(lastgood(sample.path(), {"watch"}).out.starts_with("run         a, 1 checkpoint, 1 session; 1 other run\n"));
}

TEST_CASE("watch of a store without runs says so") {
  const SampleStore sample;
  const Finished none = lastgood(sample.path(), {"watch"});
  CHECK(none.exit == 0);
  CHECK(none.out == "no runs yet\n");
  CHECK(lastgood(sample.path(), {"watch", "--json"}).json()["run"].is_null());
}

TEST_CASE("watch --interval prints again and again until it is interrupted") {
  const WatchedStore sample;
  Surroundings interrupted = kUtf8;
  interrupted.interrupted = true;
  const Finished lines = lastgood(sample.path(), {"watch", "--json", "--interval", "1"}, interrupted);
  CHECK(lines.exit == 130);
  CHECK(lines.err == "");
  REQUIRE(documents(lines.out).size() == 1);
  CHECK(documents(lines.out)[0]["run"] == "demo");
  const Finished screens = lastgood(sample.path(), {"watch", "--interval", "1"}, interrupted);
  CHECK(screens.exit == 130);
  CHECK(shown(screens.out) == shown(lastgood(sample.path(), {"watch", "--once"}, kUtf8).out));
}

TEST_CASE("watch ends where its reader goes") {
  const WatchedStore sample;
  const Finished left = run_program({"sh", "-c", R"("$0" --store "$1" watch --json --interval 1 | head -n 2)",
                                     LASTGOOD_COMMAND, sample.path().string()});
  CHECK(left.exit == 0);
  std::istringstream lines(left.out);
  std::string first, second;
  REQUIRE(std::getline(lines, first));
  REQUIRE(std::getline(lines, second));
  CHECK(nlohmann::json::parse(first) == nlohmann::json::parse(second));
  const Finished nobody = lastgood(sample.path(), {"watch", "--interval", "1"}, {.reader = Surroundings::Reader::left});
  CHECK(nobody.exit == 0);
}

TEST_CASE("watch changes nothing in the store") {
  const WatchedStore sample;
  const std::string before = sample.contents();
  for (const Words& words : std::vector<Words>{{"watch"}, {"watch", "--json"}}) lastgood(sample.path(), words);
  CHECK(sample.contents() == before);
}

TEST_CASE("watch refuses options that make no sense") {
  const auto refused = [](const Words& words, const std::string& message) {
    const Finished finished = lastgood(words);
    CHECK(finished.exit == 2);
    CHECK(finished.err == "lastgood: " + message + "; see `lastgood watch --help`\n");
  };
  refused({"watch", "--once", "--interval", "1"}, "--once and --interval contradict each other");
  refused({"watch", "--interval", "0"}, "--interval takes 1 to 86400 seconds");
  refused({"watch", "--interval", "86401"}, "--interval takes 1 to 86400 seconds");
}

}  // namespace lastgood::test

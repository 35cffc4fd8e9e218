// Help, wrong command lines, and where the store is looked for.
#include <catch2/catch.hpp>

#include "cli/commands.h"
#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the help of every command exits 0 and names its options, an example and the exit codes") {
  for (const cli::Command& command : cli::all_commands()) {
    INFO(command.name);
    const Finished help = lastgood({command.name, "--help"});
    CHECK(help.exit == 0);
    CHECK(help.err == "");
    CHECK(help.out.starts_with("lastgood " + command.name + " - " + command.summary + "\n\nUsage: lastgood "));
    for (const cli::Argument& argument : command.arguments) CHECK(contains(help.out, argument.help));
    CHECK(contains(help.out, "--run NAME") == command.takes_run);
    for (const char* option : {"--store DIR", "--json", "--quiet", "--no-color", "-h, --help"}) {
      CHECK(contains(help.out, option));
    }
    REQUIRE_FALSE(command.examples.empty());
    for (const std::string& example : command.examples) CHECK(contains(help.out, "  " + example + "\n"));
    for (const char* code : {"0 ok", "1 error", "2 usage", "3 partly done", "10 no store", "11 busy", "12 unsupported",
                             "20 damage found", "130 interrupted"}) {
      CHECK(contains(help.out, code));
    }
    for (std::size_t start = 0; start < help.out.size();) {
      const std::size_t end = help.out.find('\n', start);
      CHECK(end - start <= 110);
      start = end + 1;
    }
  }
}

TEST_CASE("the help of the whole names every command but the hidden one") {
  const Finished help = lastgood(Words{"--help"});
  CHECK(help.exit == 0);
  for (const cli::Command& command : cli::all_commands()) {
    INFO(command.name);
    CHECK(contains(help.out, "\n  " + command.name + " ") != command.hidden);
  }
  for (const cli::ExitMeaning& exit : cli::kExitMeanings) {
    CHECK(contains(help.out, "\n  " + std::to_string(static_cast<int>(exit.code)) + " " + exit.meaning + "  "));
    CHECK(contains(help.out, exit.explanation));
  }
  CHECK(lastgood(Words{"-h"}).out == help.out);
}

TEST_CASE("lastgood help says what --help says, of the whole and of a command") {
  CHECK(lastgood(Words{"help"}).out == lastgood(Words{"--help"}).out);
  CHECK(lastgood({"help", "list"}).out == lastgood({"list", "--help"}).out);
  CHECK(lastgood({"help", "list", "--json"}).json()["help"] == lastgood({"list", "--help"}).out);
  const Finished unknown = lastgood({"help", "lst"});
  CHECK(unknown.exit == 2);
  CHECK(unknown.out == "");
  CHECK(unknown.err == "lastgood: there is no such command: lst; see `lastgood --help`\n");
}

TEST_CASE("commands that can be done in part say so in their help") {
  for (const char* name : {"pin", "unpin", "gc", "rebuild"}) {
    INFO(name);
    const std::string help = lastgood({name, "--help"}).out;
    CHECK((contains(help, "Exits 3") || contains(help, "exits 3")));
  }
  CHECK(contains(lastgood({"verify", "--help"}).out, "Exits 20"));
}

TEST_CASE("the option --run is refused where it would say nothing") {
  for (const Words& words : std::vector<Words>{
           {"stats"}, {"rebuild"}, {"rebuild", "--dry-run"}, {"version"}, {"completion", "bash"}, {"help"}}) {
    INFO(words[0]);
    Words with_run = words;
    with_run.insert(with_run.end(), {"--run", "demo"});
    const Finished refused = lastgood(with_run);
    CHECK(refused.exit == 2);
    CHECK(refused.out == "");
    CHECK(refused.err == "lastgood: " + words[0] + " takes no --run: it is not about a single run; see `lastgood " +
                             words[0] + " --help`\n");
  }
  CHECK(lastgood({"verify", "--run", "demo"}).exit == 2);
}

TEST_CASE("every destructive command has --dry-run") {
  for (const char* name : {"rollback", "tag", "unpin", "forget", "gc", "rebuild", "export"}) {
    INFO(name);
    CHECK(contains(lastgood({name, "--help"}).out, "--dry-run"));
  }
}

TEST_CASE("a command line that makes no sense exits 2 and points to the help") {
  const auto check = [](const Words& words, const std::string& message) {
    const Finished finished = lastgood(words);
    CHECK(finished.exit == 2);
    CHECK(finished.out == "");
    CHECK(finished.err == "lastgood: " + message + "\n");
  };
  check({}, "a command is missing; see `lastgood --help`");
  check({"lst"}, "there is no such command or option: lst; see `lastgood --help`");
  check({"--fast"}, "there is no such command or option: --fast; see `lastgood --help`");
  check({"list", "--fast"}, "The following argument was not expected: --fast; see `lastgood list --help`");
  check({"rollback"}, "CHECKPOINT is required; see `lastgood rollback --help`");
  check({"tag", "-d", "a", "b"}, "-d takes one tag and nothing else; see `lastgood tag --help`");
  check({"tag", "--move"}, "--move needs the tag's name; see `lastgood tag --help`");
  check({"tag", "--dry-run"}, "--dry-run needs a tag's name; see `lastgood tag --help`");
  check({"forget"},
        "name the checkpoints to forget, or say what to keep with --keep rules; see `lastgood forget --help`");
  check({"forget", "3", "--keep-last", "1"},
        "name the checkpoints to forget, or say what to keep, not both; see `lastgood forget --help`");
  check({"gc", "--max"},
        "--metric and --max go with --keep-best; see `lastgood forget --help` or `lastgood gc --help`");
  check({"forget", "--keep-every", "0"},
        "--keep-every counts steps, from 1 on; see `lastgood forget --help` or `lastgood gc --help`");
  check({"gc", "--keep-within", "soon"},
        "--keep-within takes a time span such as 90s, 15m, 12h, 7d or 2w, not \"soon\"; see `lastgood forget --help` "
        "or `lastgood gc --help`");
  check({"gc", "--run", "demo"},
        "a collection is for the whole store; --run goes with --keep rules; see `lastgood gc --help`");
  check({"completion", "fish"}, "there is completion for bash only; see `lastgood completion --help`");
}

TEST_CASE("a number must be one: no sign, no letters, nothing that does not fit") {
  for (const char* bad : {"-5", "3x", "0x10", "", "99999999999999999999"}) {
    INFO(bad);
    const Finished finished = lastgood({"list", "-n", bad});
    CHECK(finished.exit == 2);
    CHECK(contains(finished.err, "see `lastgood list --help`"));
  }
}

TEST_CASE("a usage error is JSON too where JSON is asked for") {
  const Finished finished = lastgood({"lst", "--json"});
  CHECK(finished.exit == 2);
  CHECK(finished.json()["schema"] == 1);
  CHECK(finished.json()["error"]["code"] == "invalid_argument");
  CHECK(contains(finished.json()["error"]["message"], "lst"));
  CHECK(contains(finished.err, "lst"));
}

TEST_CASE("the store is --store, then $LASTGOOD_STORE, then ./lastgood-store; global options may stand anywhere") {
  const SampleStore one, two;
  one.train("one", 1);
  two.train("two", 1);
  const auto run_named = [](const Words& words, const Surroundings& surroundings) {
    const Finished finished = lastgood(words, surroundings);
    return finished.exit == 0 ? finished.json()["runs"][0]["name"].get<std::string>() : finished.err;
  };
  const std::map<std::string, std::string> variables = {{"LASTGOOD_STORE", one.path().string()}};
  CHECK(run_named({"runs", "--json"}, {.variables = variables}) == "one");
  CHECK(run_named({"--json", "runs", "--store", two.path().string()}, {.variables = variables}) == "two");
  CHECK(run_named({"runs", "--store=" + two.path().string(), "--json"}, {}) == "two");

  const TemporaryDirectory folder;
  std::filesystem::create_directory_symlink(one.path(), folder / "lastgood-store");
  CHECK(run_named({"runs", "--json"}, {.directory = folder.path()}) == "one");
}

TEST_CASE("the version is told without a store") {
  const Finished version = lastgood(Words{"version"});
  CHECK(version.exit == 0);
  CHECK(version.out ==
        "lastgood " + lastgood({"version", "--json"}).json()["version"].get<std::string>() + " (store format 1)\n");
  CHECK(lastgood(Words{"--version"}).out == version.out);
  CHECK(lastgood({"version", "--json"}).json()["format"] == 1);
}

TEST_CASE("a tag may have the name of a command") {
  const SampleStore sample;
  sample.train("demo", 1);
  CHECK(lastgood(sample.path(), {"tag", "gc"}).exit == 0);
  CHECK(lastgood(sample.path(), {"show", "gc", "--json"}).json()["checkpoint"]["id"] == 1);
}

}  // namespace lastgood::test

// Every command with --json: one document, of schema 1, whatever the state of the store.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include <lastgood/verify.h>

#include "cli/commands.h"
#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

/// How each command is called on a store of one run that has checkpoints. One line a command.
const std::map<std::string, Words> kCalls = {{"list", {}},
                                             {"show", {}},
                                             {"log", {}},
                                             {"runs", {}},
                                             {"sessions", {}},
                                             {"watch", {}},
                                             {"health", {}},
                                             {"events", {}},
                                             {"recoveries", {}},
                                             {"stats", {}},
                                             {"verify", {}},
                                             {"doctor", {}},
                                             {"tag", {}},
                                             {"rollback", {"head"}},
                                             {"pin", {"head"}},
                                             {"unpin", {"head"}},
                                             {"forget", {"--keep-last", "99"}},
                                             {"gc", {}},
                                             {"rebuild", {"--dry-run"}},
                                             {"version", {}},
                                             {"help", {}},
                                             {"completion", {"bash"}}};

Finished call(const SampleStore& sample, const std::string& command) {
  Words words = {command, "--json"};
  words.insert(words.end(), kCalls.at(command).begin(), kCalls.at(command).end());
  return lastgood(sample.path(), words);
}

/// The exit code of each command that did not end with 0, after a check of what it printed.
std::map<std::string, int> failures(const SampleStore& sample) {
  std::map<std::string, int> failed;
  for (const auto& [command, words] : kCalls) {
    INFO(command);
    const Finished finished = call(sample, command);
    const auto document = finished.json();
    CHECK(document["schema"] == 1);
    CHECK(finished.out.ends_with("}\n"));
    CHECK(std::count(finished.out.begin(), finished.out.end(), '\n') == 1);
    if (finished.exit != 0) failed[command] = finished.exit;
    // A failure is told as one, and nothing else is.
    CHECK(document.contains("error") == (finished.exit != 0 && finished.exit != 20 && finished.exit != 3));
  }
  return failed;
}

}  // namespace

TEST_CASE("every command that people use is asked for JSON here") {
  for (const cli::Command& command : cli::all_commands()) {
    INFO(command.name);
    // export and import want a file: interchange_test.cpp asks them.
    const bool elsewhere = command.name == "export" || command.name == "import";
    CHECK((kCalls.count(command.name) == 1) != (command.hidden || elsewhere));
  }
}

TEST_CASE("every command prints one JSON document of schema 1") {
  const BranchedStore sample;
  CHECK(failures(sample) == std::map<std::string, int>{{"doctor", 3}});  // the samples have no generators
}

TEST_CASE("every command prints one JSON document on a store without checkpoints") {
  const SampleStore sample;
  // What names the head has none to name.
  CHECK(failures(sample) ==
        std::map<std::string, int>{{"doctor", 1}, {"pin", 1}, {"rollback", 1}, {"show", 1}, {"unpin", 1}});
}

TEST_CASE("every command prints one JSON document on a damaged store") {
  const BranchedStore sample;
  sample.damage_newest();
  REQUIRE_FALSE(verify(sample.open()).ok());
  CHECK(failures(sample) == std::map<std::string, int>{{"doctor", 20}, {"rebuild", 3}, {"verify", 20}});
}

TEST_CASE("every command prints one JSON document where names and metadata are odd") {
  const SampleStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("a \"run\" \\ \xc3\xbc");
    save_sample(session, {.metadata = R"({"text": "\u0000 \\ \"quoted\""})"}, 1);
  }
  CHECK(failures(sample) == std::map<std::string, int>{{"doctor", 3}});
  CHECK(call(sample, "runs").json()["runs"][0]["name"] == "a \"run\" \\ \xc3\xbc");
}

}  // namespace lastgood::test

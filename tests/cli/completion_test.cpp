// The completion script: bash takes it, and it offers what fits where the cursor is.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/commands.h"
#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

/// What bash offers for the last of `words`, sorted.
Words offered(Words words, const std::map<std::string, std::string>& variables = {}) {
  constexpr const char* kScript = R"bash(
    source <("$0" completion bash) || exit 1
    COMP_WORDS=("$0" "$@"); COMP_CWORD=$#
    _lastgood
    (( ${#COMPREPLY[@]} == 0 )) || printf '%s\n' "${COMPREPLY[@]}"
  )bash";
  words.insert(words.begin(), {"bash", "--norc", "-c", kScript, LASTGOOD_COMMAND});
  const Finished finished = run_program(words, {.variables = variables});
  CHECK(finished.exit == 0);
  CHECK(finished.err == "");
  Words offers;
  std::istringstream lines(finished.out);
  for (std::string line; std::getline(lines, line);) offers.push_back(line);
  std::sort(offers.begin(), offers.end());
  return offers;
}

bool offers(const Words& offered, const std::string& word) {
  return std::find(offered.begin(), offered.end(), word) != offered.end();
}

}  // namespace

TEST_CASE("the script is sound bash") {
  const TemporaryDirectory folder;
  const std::string script = lastgood({"completion", "bash"}).out;
  std::ofstream(folder / "completion.bash") << script;
  const Finished check = run_program({"bash", "-n", (folder / "completion.bash").string()});
  CHECK(check.exit == 0);
  CHECK(check.err == "");
  CHECK(lastgood({"completion", "bash", "--json"}).json()["script"] == script);
}

TEST_CASE("commands and global options are completed") {
  CHECK(offered({"ro"}) == Words{"rollback"});
  CHECK(offered({"--st"}) == Words{"--store"});
  const Words all = offered({""});
  for (const cli::Command& command : cli::all_commands()) {
    INFO(command.name);
    CHECK(offers(all, command.name) != command.hidden);
  }
}

TEST_CASE("every command's options are completed, and no other command's") {
  const std::set<std::string> destructive = {"rollback", "tag", "unpin", "forget", "gc", "rebuild", "export"};
  for (const cli::Command& command : cli::all_commands()) {
    if (command.hidden) continue;
    INFO(command.name);
    const Words options = offered({command.name, "--"});
    CHECK(offers(options, "--json"));
    CHECK(offers(options, "--run") == command.takes_run);
    CHECK(offers(options, "--structure-only") == (command.name == "verify"));
    CHECK(offers(options, "--interval") == (command.name == "watch"));
    CHECK(offers(options, "--keep-within") == (command.name == "forget" || command.name == "gc"));
    CHECK(offers(options, "--dry-run") == (destructive.count(command.name) == 1));
  }
}

TEST_CASE("checkpoints, tags and runs are completed from the store that is named") {
  const BranchedStore sample;
  const std::string store = sample.path().string();
  CHECK(offered({"--store", store, "rollback", ""}) ==
        Words{"1", "2", "3", "4", "5", "best", "head", "last-stable", "latest"});
  CHECK(offered({"--store", store, "show", "la"}) == Words{"last-stable", "latest"});
  CHECK(offered({"tag", "-d", ""}, {{"LASTGOOD_STORE", store}}) == Words{"best"});
  CHECK(offered({"list", "--run", ""}, {{"LASTGOOD_STORE", store}}) == Words{"demo"});
  CHECK(offered({"list", "--run", "=", "d"}, {{"LASTGOOD_STORE", store}}) == Words{"demo"});
  CHECK(offered({"--store", "=", store, "forget", "3", "be"}) == Words{"best"});
}

TEST_CASE("values that are free are not completed, and the word after them is") {
  CHECK(offered({"list", "-n", ""}).empty());
  CHECK(offered({"completion", ""}) == Words{"bash"});
  CHECK(offered({"help", "ro"}) == Words{"rollback"});
  CHECK(offered({"help", "--dry"}).empty());
  CHECK(offered({"list", "-n", "3", "--js"}) == Words{"--json"});
}

TEST_CASE("the store's folder is completed") {
  const BranchedStore sample;
  const std::string store = sample.path().string();
  CHECK(offered({"--store", store.substr(0, store.size() - 2)}) == Words{store});
}

TEST_CASE("files are completed where a command takes one, after the words before it") {
  const BranchedStore sample;
  std::ofstream(sample.path().parent_path() / "model.safetensors");
  const std::string file = (sample.path().parent_path() / "model.safetensors").string();
  const std::string start = file.substr(0, file.size() - 4);
  CHECK(offered({"import", start}) == Words{file});
  CHECK(offered({"export", "head", start}) == Words{file});
  CHECK(offered({"export", "--section", "all", "head", "--force", start}) == Words{file});
  CHECK(offered({"--store", sample.path().string(), "export", "bes"}) == Words{"best"});
}

TEST_CASE("completion where there is no store offers nothing and says nothing") {
  CHECK(offered({"--store", "/nowhere", "show", ""}).empty());
}

TEST_CASE("a run whose name looks like a command to the shell is quoted, not run") {
  const SampleStore sample;
  sample.train("$(touch pwned)", 1);
  const TemporaryDirectory folder;
  const Words runs = offered({"--store", sample.path().string(), "list", "--run", ""});
  CHECK(runs == Words{R"(\$\(touch\ pwned\))"});
  CHECK_FALSE(std::filesystem::exists("pwned"));
}

}  // namespace lastgood::test

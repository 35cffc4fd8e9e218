// lastgood log, and the drawing of branches on its own.
#include <catch2/catch.hpp>

#include <lastgood/annotate.h>

#include "cli/graph.h"
#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

struct Node {
  std::int64_t id;
  std::int64_t parent;  // 0: none
};

/// The drawing of a history that is given newest first.
std::string drawn(const std::vector<Node>& newest_first) {
  cli::Graph graph;
  std::string text = "\n";
  for (const Node& node : newest_first) {
    const auto parent = node.parent == 0 ? std::nullopt : std::optional(CheckpointId{node.parent});
    const cli::Graph::Row row = graph.add(CheckpointId{node.id}, parent);
    for (const std::string& line : row.joins) text += line + "\n";
    text += row.prefix + std::to_string(node.id) + "\n";
    if (!row.shift.empty()) text += row.shift + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a history without branches is one line downwards") {
  CHECK(drawn({{3, 2}, {2, 1}, {1, 0}}) == "\n* 3\n* 2\n* 1\n");
}

TEST_CASE("two branches are drawn side by side and meet in their common ancestor") {
  CHECK(drawn({{5, 4}, {4, 2}, {3, 2}, {2, 1}, {1, 0}}) == R"(
* 5
* 4
| * 3
|/
* 2
* 1
)");
}

TEST_CASE("branches that meet in the same checkpoint are joined one after the other") {
  CHECK(drawn({{5, 2}, {4, 2}, {3, 2}, {2, 0}}) == R"(
* 5
| * 4
| | * 3
|/ /
|/
* 2
)");
}

TEST_CASE("a branch that meets another one beyond a third crosses it") {
  CHECK(drawn({{6, 2}, {5, 1}, {4, 2}, {3, 1}, {2, 1}, {1, 0}}) == R"(
* 6
| * 5
| | * 4
| | | * 3
|_|/ /
* | | 2
|/ /
|/
* 1
)");
}

TEST_CASE("a first checkpoint frees its column, and the ones to its right move in") {
  CHECK(drawn({{4, 0}, {3, 2}, {2, 0}, {1, 0}}) == "\n* 4\n* 3\n* 2\n* 1\n");
  CHECK(drawn({{4, 3}, {2, 1}, {3, 0}, {1, 0}}) == R"(
* 4
| * 2
* | 3
 /
* 1
)");
}

TEST_CASE("a history that is cut off keeps its lines open") {
  CHECK(drawn({{9, 8}, {7, 6}, {8, 6}}) == "\n* 9\n| * 7\n* | 8\n");
}

TEST_CASE("log draws both branches after a rollback, with head, tags and pins") {
  const BranchedStore sample;
  const Finished log = lastgood(sample.path(), {"log"});
  CHECK(log.exit == 0);
  CHECK(without_chance(log.out) ==
        "* 5 (head) step 100, epoch 2, emergency, loss 1.25, AGE ago\n"
        "* 4 step 75, epoch 1, AGE ago\n"
        "| * 3 step 75, epoch 1, unstable, loss 2.5, AGE ago\n"
        "|/\n"
        "* 2 (tag: best) step 50, epoch 1, stable, loss 2.5, AGE ago\n"
        "* 1 (pinned) step 25, epoch 1, stable, loss 2.5, AGE ago\n");
}

TEST_CASE("log shows a head that is not the newest where it is") {
  const BranchedStore sample;
  rollback(sample.open(), CheckpointId{2});
  CHECK(lastgood(sample.path(), {"log", "-n", "4"}).out.find("* 2 (head, tag: best)") != std::string::npos);
}

TEST_CASE("log draws every run under its name, or one on request") {
  const SampleStore sample;
  sample.train("b", 2);
  sample.train("a", 1);
  CHECK(without_chance(lastgood(sample.path(), {"log"}).out) ==
        "run a\n* 3 (head) step 25, epoch 0, loss 4, AGE ago\n\n"
        "run b\n* 2 (head) step 50, epoch 0, loss 2, AGE ago\n* 1 step 25, epoch 0, loss 4, AGE ago\n");
  CHECK(without_chance(lastgood(sample.path(), {"log", "--run", "a"}).out) ==
        "* 3 (head) step 25, epoch 0, loss 4, AGE ago\n");
}

TEST_CASE("log --json gives the runs with heads and parents") {
  const BranchedStore sample;
  const auto document = lastgood(sample.path(), {"log", "--json"}).json();
  CHECK(document["schema"] == 1);
  REQUIRE(document["runs"].size() == 1);
  CHECK(document["runs"][0]["name"] == "demo");
  CHECK(document["runs"][0]["head"] == 5);
  CHECK(document["runs"][0]["checkpoints"].size() == 5);
  CHECK(document["runs"][0]["checkpoints"][1]["parent"] == 2);
}

TEST_CASE("log of a store without runs is empty and says so") {
  const SampleStore sample;
  const Finished log = lastgood(sample.path(), {"log"});
  CHECK(log.exit == 0);
  CHECK(log.out == "");
  CHECK(log.err == "lastgood: no runs yet\n");
}

}  // namespace lastgood::test

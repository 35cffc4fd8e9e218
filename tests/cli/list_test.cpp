// lastgood list: the table, its order, its width, and its JSON.
#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

#include <lastgood/annotate.h>
#include <lastgood/verify.h>

#include "cli/text.h"
#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("list shows the checkpoints at a glance, newest first, with the head marked") {
  const BranchedStore sample;
  const Finished list = lastgood(sample.path(), {"list"});
  CHECK(list.exit == 0);
  CHECK(list.err == "");
  CHECK(without_chance(list.out) ==
        " ID STEP EPOCH AGE KIND STABILITY LOSS SIZE NEW TAGS\n"
        "* 5 100 2 AGE emergency unknown 1.25 SIZE SIZE\n"
        " 4 75 1 AGE regular unknown - SIZE SIZE\n"
        " 3 75 1 AGE regular unstable 2.5 SIZE SIZE\n"
        " 2 50 1 AGE regular stable 2.5 SIZE SIZE best\n"
        " 1 25 1 AGE regular stable 2.5 SIZE SIZE pinned\n");
}

TEST_CASE("list aligns its columns: numbers end where their title ends") {
  const BranchedStore sample;
  const std::vector<std::string> lines = lines_of(lastgood(sample.path(), {"list"}).out);
  REQUIRE(lines.size() == 6);
  const std::size_t step_end = lines[0].find("STEP") + 4;
  CHECK(lines[1].substr(step_end - 4, 4) == " 100");
  CHECK(lines[5].substr(step_end - 4, 4) == "  25");
  CHECK(lines[1].find("emergency") == lines[0].find("KIND"));
  CHECK(lines[2].find("regular") == lines[0].find("KIND"));
}

TEST_CASE("list -n shows the newest only, and none for 0") {
  const BranchedStore sample;
  CHECK(lines_of(lastgood(sample.path(), {"list", "-n", "2"}).out).size() == 3);
  const Finished none = lastgood(sample.path(), {"list", "-n", "0"});
  CHECK(none.exit == 0);
  CHECK(none.out == "");
  CHECK(none.err == "");  // there are some: only none was asked for
  CHECK(lastgood(sample.path(), {"list", "--limit=0", "--json"}).json()["checkpoints"].empty());
}

TEST_CASE("list names the run where there are several, and shows one on request") {
  const SampleStore sample;
  sample.train("first", 1);
  sample.train("実験", 1);
  CHECK(without_chance(lastgood(sample.path(), {"list"}).out) ==
        " ID RUN STEP EPOCH AGE KIND STABILITY LOSS SIZE NEW TAGS\n"
        "* 2 実験 25 0 AGE regular unknown 4 SIZE SIZE\n"
        "* 1 first 25 0 AGE regular unknown 4 SIZE SIZE\n");
  CHECK(without_chance(lastgood(sample.path(), {"list", "--run", "first"}).out) ==
        " ID STEP EPOCH AGE KIND STABILITY LOSS SIZE NEW TAGS\n"
        "* 1 25 0 AGE regular unknown 4 SIZE SIZE\n");
}

TEST_CASE("a line of list never takes more than 100 columns, whatever the names") {
  const SampleStore sample;
  std::string wide;
  for (int i = 0; i < 40; ++i) wide += "学";
  sample.train(wide, 1);
  sample.train("other", 1);
  const Store store = sample.open();
  tag(store, std::string(128, 't'), CheckpointId{1});
  cli::set_text_locale();
  const std::vector<std::string> lines = lines_of(lastgood(sample.path(), {"list"}).out);
  REQUIRE(lines.size() == 3);
  for (const std::string& line : lines) CHECK(cli::display_width(line) <= 100);
  CHECK(lines[2].find("…") != std::string::npos);
  CHECK(cli::display_width(lines[2]) == 100);
}

TEST_CASE("list says which checkpoint is damaged, once the damage was found") {
  const BranchedStore sample;
  sample.damage_newest();
  REQUIRE_FALSE(verify(sample.open()).ok());
  const Finished list = lastgood(sample.path(), {"list"});
  CHECK(list.out.find("DAMAGED") != std::string::npos);
  CHECK(list.out.find("DAMAGED") == list.out.rfind("DAMAGED"));
  CHECK(lastgood(sample.path(), {"list", "--json"}).json()["checkpoints"][0]["intact"] == false);
}

TEST_CASE("list --json has the documented keys, in order, and nothing else") {
  const BranchedStore sample;
  const Finished list = lastgood(sample.path(), {"list", "--json"});
  const auto document = nlohmann::ordered_json::parse(list.out);
  CHECK(document["schema"] == 1);
  REQUIRE(document["checkpoints"].size() == 5);
  const auto& newest = document["checkpoints"][0];
  std::vector<std::string> keys;
  for (const auto& item : newest.items()) keys.push_back(item.key());
  CHECK(keys == std::vector<std::string>{"id", "run", "session", "step", "epoch", "kind", "stability", "parent", "head",
                                         "created_at", "bytes_logical", "bytes_unique", "intact", "tags", "metrics"});
  CHECK(newest["id"] == 5);
  CHECK(newest["run"] == "demo");
  CHECK(newest["session"] == 2);
  CHECK(newest["kind"] == "emergency");
  CHECK(newest["parent"] == 4);
  CHECK(newest["head"] == true);
  CHECK(newest["intact"] == true);
  CHECK(newest["bytes_logical"] == 2 * 262'144 + 12);
  CHECK(newest["bytes_unique"] > 262'144);
  CHECK(newest["bytes_unique"] < 2 * 262'144);
  CHECK(newest["metrics"] == nlohmann::json{{"loss", 1.25}});
  CHECK(std::regex_match(newest["created_at"].get<std::string>(), std::regex(R"(\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z)")));
  CHECK(document["checkpoints"][3]["tags"] == nlohmann::json{"best"});
  CHECK(document["checkpoints"][4]["parent"].is_null());
}

TEST_CASE("list --json stays valid JSON where a metric is not finite") {
  const SampleStore sample;
  Store store = sample.open();
  Session session = store.start_session("demo");
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  save_sample(session, {.metrics = {{"a", kInfinity}, {"b", -kInfinity}, {"loss", std::nan("")}}}, 1);
  const auto metrics = lastgood(sample.path(), {"list", "--json"}).json()["checkpoints"][0]["metrics"];
  CHECK(metrics == nlohmann::json{{"a", "inf"}, {"b", "-inf"}, {"loss", "nan"}});
  CHECK(without_chance(lastgood(sample.path(), {"list"}).out).find(" nan ") != std::string::npos);
}

TEST_CASE("a store without checkpoints lists nothing, and says so beside the data") {
  const SampleStore sample;
  const Finished list = lastgood(sample.path(), {"list"});
  CHECK(list.exit == 0);
  CHECK(list.out == "");
  CHECK(list.err == "lastgood: no checkpoints yet\n");
  CHECK(lastgood(sample.path(), {"list", "--quiet"}).err == "");
  CHECK(lastgood(sample.path(), {"list", "--json"}).out == "{\"schema\":1,\"checkpoints\":[]}\n");
}

}  // namespace lastgood::test

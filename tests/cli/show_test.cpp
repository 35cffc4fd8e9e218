// lastgood show, runs, sessions and stats: what is there, without changing it.
#include <catch2/catch.hpp>

#include <lastgood/annotate.h>
#include <lastgood/session_cost.h>
#include <lastgood/verify.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

TEST_CASE("show tells everything about the head when no name is given") {
  const BranchedStore sample;
  const Finished show = lastgood(sample.path(), {"show"});
  CHECK(show.exit == 0);
  CHECK(without_chance(show.out) ==
        "checkpoint 5 (head)\n"
        "run demo, session 2\n"
        "step 100, epoch 2\n"
        "created TIME, AGE ago\n"
        "kind emergency\n"
        "stability unknown\n"
        "metrics loss 1.25\n"
        "lineage 5 <- 4 <- 2 <- 1\n"
        "size SIZE, SIZE new at its save, SIZE needed by no other checkpoint\n"
        "digest HASH\n"
        "entries 3\n"
        "\n"
        "ENTRY DTYPE SHAPE SIZE\n"
        "model/frozen.weight float32 [65536] SIZE\n"
        "model/layer.weight float32 [2, 32768] SIZE\n"
        "extra/position json [12] SIZE\n");
}

TEST_CASE("show tells tags, pins and metadata where there are any") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"show", "best"}).out.find("tags        best\n") != std::string::npos);
  CHECK(lastgood(sample.path(), {"show", "1"}).out.starts_with("checkpoint  1 (pinned)\n"));
  CHECK(lastgood(sample.path(), {"show", "head~1"}).out.find(R"(metadata    {"note":"again"})") != std::string::npos);
}

TEST_CASE("show --json adds digest, metadata, lineage and all entries to the keys of list") {
  const BranchedStore sample;
  const auto document = lastgood(sample.path(), {"show", "4", "--json"}).json();
  CHECK(document["schema"] == 1);
  const auto& checkpoint = document["checkpoint"];
  auto listed = lastgood(sample.path(), {"list", "--json"}).json()["checkpoints"][1];
  for (const auto& item : listed.items()) CHECK(checkpoint[item.key()] == item.value());
  CHECK(checkpoint["digest"].get<std::string>().size() == 32);
  CHECK(checkpoint["metadata"] == nlohmann::json{{"note", "again"}});
  CHECK(checkpoint["lineage"] == nlohmann::json{4, 2, 1});
  CHECK(checkpoint["bytes_new"] > 262'144);
  CHECK(checkpoint["pinned"] == false);
  REQUIRE(checkpoint["entries"].size() == 3);
  CHECK(checkpoint["entries"][1] == nlohmann::json{{"section", "model"},
                                                   {"name", "layer.weight"},
                                                   {"dtype", "float32"},
                                                   {"shape", {2, 32'768}},
                                                   {"bytes", 262'144},
                                                   {"alias_of", nullptr}});
}

TEST_CASE("show lists the first 20 entries, and all of them on request") {
  const SampleStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    std::vector<TensorView> state;
    for (int i = 0; i < 24; ++i) {
      state.push_back({.spec = {Section::model, "p" + std::to_string(i), DType::float32, {0}, ""}});
    }
    state.push_back({.spec = {Section::model, "tied", DType::float32, {0}, "p0"}});
    REQUIRE(session.save(state, {}).ok());
  }
  const std::string some = lastgood(sample.path(), {"show"}).out;
  CHECK(some.find("model/p19") != std::string::npos);
  CHECK(some.find("model/p20") == std::string::npos);
  CHECK(some.ends_with("and 5 more: see them with --entries\n"));
  const std::string all = lastgood(sample.path(), {"show", "--entries"}).out;
  CHECK(all.find("model/p23") != std::string::npos);
  CHECK(without_chance(all).ends_with("model/tied float32 [0] = p0\n"));
}

TEST_CASE("show of a damaged checkpoint says so") {
  const BranchedStore sample;
  sample.damage_newest();
  REQUIRE_FALSE(verify(sample.open()).ok());
  const Finished show = lastgood(sample.path(), {"show"});
  CHECK(show.out.find("damage      found: see `lastgood verify`\n") != std::string::npos);
}

TEST_CASE("runs shows each run with its head") {
  const SampleStore sample;
  sample.train("b", 2);
  sample.train("a", 1);
  CHECK(without_chance(lastgood(sample.path(), {"runs"}).out) ==
        "RUN HEAD CHECKPOINTS SESSIONS AGE\na 3 1 1 AGE\nb 2 2 1 AGE\n");
  const auto document = lastgood(sample.path(), {"runs", "--json", "--run", "b"}).json();
  REQUIRE(document["runs"].size() == 1);
  CHECK(document["runs"][0]["head"] == 2);
  CHECK(document["runs"][0]["checkpoints"] == 2);
  CHECK(document["runs"][0]["sessions"] == 1);
}

TEST_CASE("sessions shows how each ended, newest first") {
  const BranchedStore sample;
  const auto document = lastgood(sample.path(), {"sessions", "--json"}).json();
  REQUIRE(document["sessions"].size() == 2);
  const auto& newest = document["sessions"][0];
  CHECK(newest["id"] == 2);
  CHECK(newest["state"] == "interrupted");
  CHECK(newest["resumed_from"] == 2);
  CHECK(newest["checkpoints"] == 2);
  CHECK(newest["pid"] == getpid());
  CHECK(document["sessions"][1]["state"] == "completed");
  CHECK(document["sessions"][1]["resumed_from"].is_null());
  CHECK(document["sessions"][1]["ended_at"].is_string());
  const std::string text = without_chance(lastgood(sample.path(), {"sessions"}).out);
  CHECK(
      text.starts_with("ID RUN STATE AGE LASTED RESUMED FROM CHECKPOINTS SAVING STEPS LOST PID HOST\n"
                       " 2 demo interrupted AGE AGE 2 2 "));
}

TEST_CASE("sessions tells what each cost, and why it ended") {
  const SampleStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    save_sample(session, {.step = 20}, 1);
    session.record(Event{.step = 27, .kind = kSessionEnding, .message = "SIGTERM came"});
  }
  const auto newest = lastgood(sample.path(), {"sessions", "--json"}).json()["sessions"][0];
  CHECK(newest["ending"] == "SIGTERM came");
  CHECK(newest["last_step"] == 27);
  CHECK(newest["steps_lost"] == 7);
  CHECK(newest["saves"] == 1);
  CHECK(newest["failed_saves"] == 0);
  CHECK(newest["saving_seconds"] >= newest["blocked_seconds"]);
  const std::string text = without_chance(lastgood(sample.path(), {"sessions"}).out);
  CHECK_THAT(text, Catch::Contains("AGE 7 " + std::to_string(getpid())));
}

TEST_CASE("sessions tells of a halt in place of the state that it left, and beside it in JSON") {
  const SampleStore sample;
  {
    Store store = sample.open();
    Session session = store.start_session("demo");
    session.record(Recovery{
        .step = 27, .failure = "nan_detected", .action = "max_retries_exceeded", .outcome = RecoveryOutcome::halted});
    CHECK_THAT(lastgood(sample.path(), {"sessions"}).out, Catch::Contains(" open "));
  }
  CHECK_THAT(lastgood(sample.path(), {"sessions"}).out, Catch::Contains(" halted "));
  const auto newest = lastgood(sample.path(), {"sessions", "--json"}).json()["sessions"][0];
  CHECK(newest["state"] == "interrupted");
  CHECK(newest["halted"] == true);
  const std::string watched = lastgood(sample.path(), {"watch", "--once"}).out;
  CHECK_THAT(watched, Catch::Contains("session     1, halted, began"));
  CHECK_THAT(watched, !Catch::Contains("interrupted"));
}

TEST_CASE("a session that is still open has no end") {
  const SampleStore sample;
  Store store = sample.open();
  const Session session = store.start_session("demo");
  const auto newest = lastgood(sample.path(), {"sessions", "--json"}).json()["sessions"][0];
  CHECK(newest["state"] == "open");
  CHECK(newest["ended_at"].is_null());
}

TEST_CASE("stats counts what is there, and equal contents once") {
  const BranchedStore sample;
  const auto stats = lastgood(sample.path(), {"stats", "--json"}).json();
  CHECK(stats["schema"] == 1);
  CHECK(stats["runs"] == 1);
  CHECK(stats["sessions"] == 2);
  CHECK(stats["checkpoints"] == 5);
  CHECK(stats["bytes_logical"] == 5 * (2 * 262'144 + 12));
  CHECK(stats["bytes_raw"] < 7 * 262'144);
  CHECK(stats["bytes_dead"] == 0);
  CHECK(stats["blobs_damaged"] == 0);
  const std::string text = lastgood(sample.path(), {"stats"}).out;
  CHECK(text.find("checkpoints   5, 15 entries\n") != std::string::npos);
  CHECK(text.find("times less than all checkpoints apart") != std::string::npos);
}

TEST_CASE("stats names damage that was found") {
  const BranchedStore sample;
  sample.damage_newest();
  REQUIRE_FALSE(verify(sample.open()).ok());
  CHECK(lastgood(sample.path(), {"stats"}).out.ends_with("1 damaged blob: see `lastgood verify`\n"));
}

TEST_CASE("an empty store is shown as empty, without an error") {
  const SampleStore sample;
  for (const char* command : {"runs", "sessions", "stats", "tag"}) {
    INFO(command);
    CHECK(lastgood(sample.path(), {command}).exit == 0);
    CHECK(lastgood(sample.path(), {command, "--json"}).json()["schema"] == 1);
  }
  const Finished show = lastgood(sample.path(), {"show"});
  CHECK(show.exit == 1);
  CHECK(show.err == "lastgood: 'head' means nothing yet: the store has no run\n");
}

}  // namespace lastgood::test

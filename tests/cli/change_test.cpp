// rollback, tag, pin and unpin: small changes, what they say, and what a dry run leaves alone.
#include <catch2/catch.hpp>

#include <lastgood/history.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

CheckpointInfo checkpoint(const SampleStore& sample, std::int64_t id) {
  return find_checkpoint(sample.open(), CheckpointId{id}).value();
}

}  // namespace

TEST_CASE("rollback moves the head, deletes nothing, and says how to go back") {
  const BranchedStore sample;
  const Finished rollback = lastgood(sample.path(), {"rollback", "last-stable"});
  CHECK(rollback.exit == 0);
  CHECK(rollback.out ==
        "run demo: the head moved from 5 (step 100) to 2 (step 50)\n"
        "nothing is deleted now: the next save grows a new branch from here; `lastgood rollback 5` goes back\n"
        "a trainer or gc that keeps the newest few may forget 5 later: `lastgood pin 5` keeps it\n");
  CHECK(checkpoint(sample, 2).is_head);
  CHECK(list_checkpoints(sample.open()).size() == 5);
  CHECK(lastgood(sample.path(), {"rollback", "5", "--json"}).out ==
        "{\"schema\":1,\"run\":\"demo\",\"from\":2,\"to\":5,\"dry_run\":false}\n");
  CHECK(checkpoint(sample, 5).is_head);
}

TEST_CASE("rollback suggests no pin for a head that retention leaves alone") {
  const BranchedStore sample;
  REQUIRE(lastgood(sample.path(), {"pin", "5"}).exit == 0);
  CHECK(lastgood(sample.path(), {"rollback", "best"}).out.find("lastgood pin") == std::string::npos);
  CHECK(lastgood(sample.path(), {"rollback", "5"}).out.find("lastgood pin") == std::string::npos);  // 2 is tagged
}

TEST_CASE("rollback --dry-run only says what would happen") {
  const BranchedStore sample;
  const std::string before = sample.contents();
  const Finished rollback = lastgood(sample.path(), {"rollback", "best", "--dry-run"});
  CHECK(rollback.exit == 0);
  CHECK(rollback.out.starts_with("run demo: the head would move from 5 (step 100) to 2 (step 50)\n"));
  CHECK(sample.contents() == before);
}

TEST_CASE("rollback to the head itself says that it is there already") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"rollback", "latest"}).out == "run demo: the head is at 5 (step 100) already\n");
}

TEST_CASE("rollback is refused while a trainer is in the run, and names it") {
  const BranchedStore sample;
  Store store = sample.open();
  const Session trainer = store.start_session("demo");
  const Finished rollback = lastgood(sample.path(), {"rollback", "2", "--json"});
  CHECK(rollback.exit == 11);
  CHECK(rollback.json()["error"]["code"] == "busy");
  CHECK(rollback.err.find(std::to_string(getpid())) != std::string::npos);
  CHECK(checkpoint(sample, 5).is_head);
}

TEST_CASE("a tag is set on the head, or on what is named, moved on request only, listed, and deleted") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"tag", "now"}).out == "tag now names checkpoint 5 (step 100)\n");
  CHECK(lastgood(sample.path(), {"tag", "v1", "head~2", "--json"}).out ==
        "{\"schema\":1,\"tag\":\"v1\",\"checkpoint\":2,\"from\":null,\"dry_run\":false}\n");
  const Finished taken = lastgood(sample.path(), {"tag", "best", "5"});
  CHECK(taken.exit == 1);
  CHECK(checkpoint(sample, 2).tags == std::vector<std::string>{"best", "v1"});
  CHECK(lastgood(sample.path(), {"tag", "--move", "best", "5"}).out ==
        "tag best names checkpoint 5 (step 100) instead of 2\n");
  CHECK(without_chance(lastgood(sample.path(), {"tag"}).out) ==
        "TAG CHECKPOINT STEP RUN\nbest 5 100 demo\nnow 5 100 demo\nv1 2 50 demo\n");
  const auto tags = lastgood(sample.path(), {"tag", "--json"}).json()["tags"];
  CHECK(tags[0] == nlohmann::json{{"name", "best"}, {"checkpoint", 5}, {"run", "demo"}, {"step", 100}});
  CHECK(lastgood(sample.path(), {"tag", "-d", "now"}).out ==
        "tag now is gone; its checkpoint, 5, stays until it is forgotten\n");
  CHECK(lastgood(sample.path(), {"tag", "-d", "best", "--json"}).out ==
        "{\"schema\":1,\"deleted\":\"best\",\"checkpoint\":5,\"dry_run\":false}\n");
  CHECK(checkpoint(sample, 5).tags.empty());
  CHECK(lastgood(sample.path(), {"tag", "-d", "best"}).exit == 1);
}

TEST_CASE("a dry run of tag only says what would happen, and fails where the tag would") {
  const BranchedStore sample;
  const std::string before = sample.contents();
  const auto dry = [&](Words words) {
    words.insert(words.end(), {"--dry-run"});
    return lastgood(sample.path(), words);
  };
  CHECK(dry({"tag", "now"}).out == "tag now would name checkpoint 5 (step 100)\n");
  CHECK(dry({"tag", "--move", "best", "5"}).out == "tag best would name checkpoint 5 (step 100) instead of 2\n");
  CHECK(dry({"tag", "--move", "best", "5", "--json"}).out ==
        "{\"schema\":1,\"tag\":\"best\",\"checkpoint\":5,\"from\":2,\"dry_run\":true}\n");
  CHECK(dry({"tag", "-d", "best"}).out == "tag best would be gone; its checkpoint, 2, stays until it is forgotten\n");
  CHECK(dry({"tag", "-d", "best", "--json"}).json()["dry_run"] == true);
  CHECK(sample.contents() == before);
  for (const Words& words :
       std::vector<Words>{{"tag", "best", "5"}, {"tag", "a b"}, {"tag", "x", "99"}, {"tag", "-d", "none"}}) {
    const Finished would = dry(words);
    const Finished does = lastgood(sample.path(), words);
    CHECK(does.exit == 1);
    CHECK(would.exit == does.exit);
    CHECK(would.err == does.err);
  }
}

TEST_CASE("a word that cannot be a tag is refused with the rule, and printed without its control characters") {
  const BranchedStore sample;
  for (const std::string bad : {"17", "head", "HEAD", "Last-Stable", "step:3", "a b", "a\x1b[31m", "", ".", "..", "/",
                                "a/", "a//b", "a~1", "a:b"}) {
    INFO(bad);
    const Finished tag = lastgood(sample.path(), {"tag", bad, "1"});
    CHECK(tag.exit == 1);
    CHECK(tag.err.find("cannot be a tag") != std::string::npos);
    CHECK(tag.err.find('\x1b') == std::string::npos);
  }
  CHECK(checkpoint(sample, 1).tags.empty());
  CHECK(lastgood(sample.path(), {"tag", "a b", "1"}).err ==
        "lastgood: 'a b' cannot be a tag: a tag has 1 to 128 characters of A-Z a-z 0-9 . _ -, in parts divided by "
        "single /, each of which begins with a letter, a digit or _\n");
  CHECK(lastgood(sample.path(), {"tag", "--", "-x", "1"}).err.find("cannot be a tag") != std::string::npos);
}

TEST_CASE("rollback to a damaged checkpoint is done, and says that a resume will pass it over") {
  const BranchedStore sample;
  sample.damage_newest();
  REQUIRE(lastgood(sample.path(), {"verify"}).exit == 20);
  REQUIRE(lastgood(sample.path(), {"rollback", "4"}).exit == 0);
  const Finished back = lastgood(sample.path(), {"rollback", "5"});
  CHECK(back.exit == 0);
  CHECK(back.out.find("this checkpoint is damaged: a resume will pass it over\n") != std::string::npos);
}

TEST_CASE("the tags of one run are listed on request, and a store without any says so") {
  const BranchedStore sample;
  sample.train("other", 1);
  CHECK(lastgood(sample.path(), {"tag", "--run", "other"}).err == "lastgood: no tags\n");
  CHECK(lastgood(sample.path(), {"tag", "--run", "other", "--json"}).out == "{\"schema\":1,\"tags\":[]}\n");
  CHECK(lastgood(sample.path(), {"tag", "--run", "demo", "--json"}).json()["tags"].size() == 1);
}

TEST_CASE("pin and unpin take several names, each once") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"pin", "head", "3", "5"}).out == "pinned 5, 3\n");
  CHECK(checkpoint(sample, 5).pinned);
  CHECK(checkpoint(sample, 3).pinned);
  CHECK(lastgood(sample.path(), {"unpin", "3", "--json"}).out == "{\"schema\":1,\"unpinned\":[3],\"dry_run\":false}\n");
  CHECK_FALSE(checkpoint(sample, 3).pinned);
}

TEST_CASE("a dry run of unpin only says what would happen, and fails where a name means nothing") {
  const BranchedStore sample;
  const std::string before = sample.contents();
  CHECK(lastgood(sample.path(), {"unpin", "1", "3", "--dry-run"}).out == "would unpin 1, 3\n");
  CHECK(lastgood(sample.path(), {"unpin", "1", "--dry-run", "--json"}).out ==
        "{\"schema\":1,\"unpinned\":[1],\"dry_run\":true}\n");
  CHECK(lastgood(sample.path(), {"unpin", "1", "99", "--dry-run"}).exit == 1);
  CHECK(sample.contents() == before);
  CHECK(checkpoint(sample, 1).pinned);
  CHECK(lastgood(sample.path(), {"unpin", "1"}).out == "unpinned 1\n");
  CHECK_FALSE(checkpoint(sample, 1).pinned);
}

TEST_CASE("pin changes nothing where one of its names means nothing") {
  const BranchedStore sample;
  const Finished pin = lastgood(sample.path(), {"pin", "3", "99"});
  CHECK(pin.exit == 1);
  CHECK(pin.out == "");
  CHECK_FALSE(checkpoint(sample, 3).pinned);
}

}  // namespace lastgood::test

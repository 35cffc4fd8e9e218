// forget, gc and rebuild: what goes, what they say of it, and what a dry run leaves alone.
#include <sys/file.h>

#include <fcntl.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <lastgood/history.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> ids(const SampleStore& sample) {
  std::vector<std::int64_t> result;
  for (const CheckpointInfo& checkpoint : list_checkpoints(sample.open())) result.push_back(checkpoint.id.value);
  return result;
}

using Ids = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("forget by name takes checkpoints out of the history and says what gc can free") {
  const BranchedStore sample;
  const Finished forget = lastgood(sample.path(), {"forget", "3", "head~1"});
  CHECK(forget.exit == 0);
  CHECK(without_chance(forget.out) == "forgot 2 checkpoints: 3, 4\nSIZE can be freed by `lastgood gc`\n");
  CHECK(ids(sample) == Ids{5, 2, 1});
  CHECK(find_checkpoint(sample.open(), CheckpointId{5})->parent == CheckpointId{2});
}

TEST_CASE("forget by a policy keeps what any rule keeps, and what is protected") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"forget", "--keep-last", "2", "--json"}).json()["forgotten"] == nlohmann::json{3});
  CHECK(ids(sample) == Ids{5, 4, 2, 1});
}

TEST_CASE("every rule of a policy reaches the library") {
  const SampleStore sample;
  sample.train("demo", 6);  // steps 25 to 150, losses 4, 2, 1.33, 1, 0.8, 0.67; all within seconds
  const auto kept = [&](Words rule) {
    rule.insert(rule.begin(), {"forget", "--dry-run", "--json"});
    Ids left = {1, 2, 3, 4, 5, 6};
    const auto report = lastgood(sample.path(), rule).json();
    for (const auto& id : report["forgotten"]) std::erase(left, id.get<std::int64_t>());
    return left;
  };
  CHECK(kept({"--keep-last", "3"}) == Ids{4, 5, 6});
  CHECK(kept({"--keep-every", "50"}) == Ids{2, 4, 6});
  CHECK(kept({"--keep-stable", "5"}) == Ids{6});
  CHECK(kept({"--keep-best", "2"}) == Ids{5, 6});
  CHECK(kept({"--keep-best", "2", "--metric", "loss", "--max"}) == Ids{1, 2, 6});
  CHECK(kept({"--keep-within", "7d"}) == Ids{1, 2, 3, 4, 5, 6});
  CHECK(kept({"--keep-last", "1", "--run", "demo"}) == Ids{6});
}

TEST_CASE("forget refuses what is protected, says why, and forgets nothing") {
  const BranchedStore sample;
  for (const char* name : {"head", "best", "1"}) {
    INFO(name);
    const Finished forget = lastgood(sample.path(), {"forget", "3", name});
    CHECK(forget.exit == 1);
    CHECK(forget.err.find("nothing was forgotten") != std::string::npos);
  }
  CHECK(ids(sample) == Ids{5, 4, 3, 2, 1});
}

TEST_CASE("forget with a policy that keeps all says that there is nothing to forget") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"forget", "--keep-last", "99"}).out == "nothing to forget\n");
}

TEST_CASE("a dry run of forget and of gc changes nothing and says what would happen") {
  const BranchedStore sample;
  const std::string before = sample.contents();
  const Finished forget = lastgood(sample.path(), {"forget", "3", "--dry-run"});
  CHECK(without_chance(forget.out) == "would forget 1 checkpoint: 3\nSIZE could then be freed by `lastgood gc`\n");
  const Finished gc = lastgood(sample.path(), {"gc", "--keep-last", "1", "--dry-run"});
  CHECK(gc.exit == 0);
  CHECK(without_chance(gc.out).starts_with("would forget 2 checkpoints: 3, 4\nwould free SIZE: "));
  CHECK(lastgood(sample.path(), {"gc", "--dry-run", "--json"}).json()["dry_run"] == true);
  CHECK(sample.contents() == before);
}

TEST_CASE("a dry run of gc with a rule counts what the rule would set free, and gc then frees just that") {
  const BranchedStore sample;
  const auto nothing = lastgood(sample.path(), {"gc", "--dry-run", "--json"}).json();
  CHECK(nothing["bytes_freed"] == 0);
  const auto would = lastgood(sample.path(), {"gc", "--keep-last", "1", "--dry-run", "--json"}).json();
  CHECK(would["forgotten"] == nlohmann::json{3, 4});
  CHECK(would["bytes_freed"] > 2 * 262'144);
  const auto did = lastgood(sample.path(), {"gc", "--keep-last", "1", "--json"}).json();
  for (const char* key : {"forgotten", "bytes_released", "blobs_freed", "bytes_freed", "packs_removed"}) {
    INFO(key);
    CHECK(would[key] == did[key]);
  }
}

TEST_CASE("gc takes stores in unusual states: none saved, all forgotten that may be, damaged") {
  const auto collect = [](const SampleStore& sample) {
    const Finished dry = lastgood(sample.path(), {"gc", "--keep-last", "1", "--dry-run", "--json"});
    CHECK(dry.exit == 0);
    CHECK(dry.json()["schema"] == 1);
    const Finished gc = lastgood(sample.path(), {"gc", "--keep-last", "1", "--json"});
    CHECK(gc.exit == 0);
    return gc.json();
  };
  const SampleStore empty;
  CHECK(collect(empty)["bytes_freed"] == 0);

  const SampleStore one;
  one.train("demo", 3);
  CHECK(collect(one)["forgotten"] == nlohmann::json{1, 2});
  CHECK(collect(one)["forgotten"].empty());
  CHECK(lastgood(one.path(), {"verify"}).exit == 0);

  const BranchedStore damaged;
  damaged.damage_newest();
  REQUIRE(lastgood(damaged.path(), {"verify"}).exit == 20);
  // What is damaged does not count as the last one: an intact one is kept beside it.
  CHECK(collect(damaged)["forgotten"] == nlohmann::json{3});
  CHECK(lastgood(damaged.path(), {"verify"}).exit == 20);
}

TEST_CASE("forget names a checkpoint that is protected in several ways once") {
  const SampleStore sample;
  sample.train("demo", 1);
  REQUIRE(lastgood(sample.path(), {"tag", "best"}).exit == 0);
  CHECK(lastgood(sample.path(), {"forget", "head"}).err ==
        "lastgood: checkpoint 1 is the head of run demo, tagged best: nothing was forgotten; leave out what is "
        "protected, or lift its protection first\n");
}

TEST_CASE("a metric that no checkpoint has is refused, and those there are are named") {
  const BranchedStore sample;
  const Finished forget = lastgood(sample.path(), {"forget", "--keep-best", "1", "--metric", "accuracy"});
  CHECK(forget.exit == 1);
  CHECK(forget.err.find("'accuracy'; there are: loss") != std::string::npos);
  CHECK(ids(sample) == Ids{5, 4, 3, 2, 1});
}

TEST_CASE("gc frees what was forgotten and says how much") {
  const BranchedStore sample;
  REQUIRE(lastgood(sample.path(), {"forget", "3"}).exit == 0);
  const Finished gc = lastgood(sample.path(), {"gc"});
  CHECK(gc.exit == 0);
  CHECK(without_chance(gc.out).starts_with("freed SIZE: "));
  CHECK(store_stats(sample.open()).bytes_dead == 0);
  CHECK(lastgood(sample.path(), {"verify"}).exit == 0);
}

TEST_CASE("gc that finds nothing to do says so, and a dry run as well") {
  const BranchedStore sample;
  CHECK(lastgood(sample.path(), {"gc"}).out == "nothing to free\n");
  CHECK(lastgood(sample.path(), {"gc", "--dry-run"}).out == "nothing to free\n");
}

TEST_CASE("gc with a rule forgets and collects in one go") {
  const BranchedStore sample;
  const auto report = lastgood(sample.path(), {"gc", "--keep-last", "1", "--json"}).json();
  CHECK(report["schema"] == 1);
  CHECK(report["forgotten"] == nlohmann::json{3, 4});
  CHECK(report["bytes_released"] > 2 * 262'144);
  CHECK(report["blobs_freed"] >= 2);
  CHECK(report["bytes_freed"] > 2 * 262'144);
  CHECK(report["dry_run"] == false);
  for (const char* key : {"packs_removed", "packs_compacted", "orphans_removed", "dead_saves"}) {
    CHECK(report[key].is_number_unsigned());
  }
  CHECK(ids(sample) == Ids{5, 2, 1});
}

TEST_CASE("a gc beside another one is refused; what it has forgotten before stays forgotten, and exits 3") {
  const BranchedStore sample;
  const int other = open((sample.path() / "locks" / "gc").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  REQUIRE(flock(other, LOCK_EX | LOCK_NB) == 0);
  const Finished busy = lastgood(sample.path(), {"gc"});
  CHECK(busy.exit == 11);
  const Finished partly = lastgood(sample.path(), {"gc", "--keep-last", "1", "--json"});
  close(other);
  CHECK(partly.exit == 3);
  CHECK(partly.json()["error"]["code"] == "busy");
  CHECK(partly.err.starts_with("lastgood: forgot 3, 4, but freed nothing yet: "));
  CHECK(ids(sample) == Ids{5, 2, 1});
}

TEST_CASE("rebuild brings a lost catalog back from the packs") {
  const BranchedStore sample;
  fs::remove(sample.path() / "catalog.db");
  const Finished lost = lastgood(sample.path(), {"list"});
  CHECK(lost.exit == 20);
  CHECK(lost.err.find(" rebuild` to make it anew from the packs") != std::string::npos);

  const std::string before = sample.contents();
  const Finished dry = lastgood(sample.path(), {"rebuild", "--dry-run"});
  CHECK(dry.exit == 0);
  CHECK(dry.out.starts_with("would bring back 5 checkpoints and "));
  CHECK(sample.contents() == before);

  const Finished rebuild = lastgood(sample.path(), {"rebuild"});
  CHECK(rebuild.exit == 0);
  CHECK(rebuild.out.starts_with("brought back 5 checkpoints and "));
  CHECK(rebuild.out.ends_with("are not in the packs: set them again\n"));
  CHECK(ids(sample).size() == 5);
  CHECK(lastgood(sample.path(), {"verify"}).exit == 0);
}

TEST_CASE("rebuild sets the old catalog aside, marks what is damaged, says so, and exits 3") {
  const BranchedStore sample;
  sample.damage_newest();
  const Finished rebuild = lastgood(sample.path(), {"rebuild"});
  CHECK(rebuild.exit == 3);
  CHECK(rebuild.out.find("DAMAGED: run ") != std::string::npos);
  CHECK(rebuild.out.find("1 damaged frame in the packs\n") != std::string::npos);
  CHECK(ids(sample).size() == 5);
  const auto again = lastgood(sample.path(), {"rebuild", "--json"}).json();
  CHECK(again["schema"] == 1);
  CHECK(again["checkpoints"] == 5);
  CHECK(again["damaged"].size() == 1);
  CHECK(again["incomplete"].empty());
  CHECK(again["collected"].empty());
  CHECK(again["damaged_frames"] == 1);
  CHECK(fs::exists(again["old_catalog"].get<std::string>()));
}

TEST_CASE("rebuild is refused while a trainer has the store open, and where there is no store") {
  const BranchedStore sample;
  const Store held = sample.open();
  CHECK(lastgood(sample.path(), {"rebuild"}).exit == 11);
  CHECK(lastgood(sample.path().parent_path(), {"rebuild"}).exit == 10);
}

}  // namespace lastgood::test

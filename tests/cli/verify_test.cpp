// lastgood verify: what it finds, what it says to do, and its exit code.
#include <catch2/catch.hpp>

#include <lastgood/history.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("verify of a sound store exits 0 and tells what it read") {
  const BranchedStore sample;
  const Finished all = lastgood(sample.path(), {"verify"});
  CHECK(all.exit == 0);
  CHECK(all.err == "");
  CHECK(all.out.starts_with("ok: 5 checkpoints, "));
  const auto report = lastgood(sample.path(), {"verify", "--json"}).json();
  CHECK(report["schema"] == 1);
  CHECK(report["ok"] == true);
  CHECK(report["checkpoints"] == 5);
  CHECK(report["bytes"] > 6 * 262'144);
  CHECK(report["damages"].empty());
}

TEST_CASE("verify of one checkpoint reads that one only") {
  const BranchedStore sample;
  const auto report = lastgood(sample.path(), {"verify", "head~1", "--json"}).json();
  CHECK(report["checkpoints"] == 1);
  CHECK(report["bytes"] < 3 * 262'144);
}

TEST_CASE("verify names checkpoint, entry, pack and place of a flipped byte, says what to do, and exits 20") {
  const BranchedStore sample;
  sample.damage_newest();
  const Finished damaged = lastgood(sample.path(), {"verify"});
  CHECK(damaged.exit == 20);
  CHECK(contains(damaged.out, "damaged: checkpoint 5 (step 100), entry model/layer.weight, in "));
  CHECK(contains(damaged.out, ".pack at "));
  CHECK(contains(damaged.out, "1 checkpoint damaged: a resume passes over what is marked"));
  CHECK(contains(damaged.out,
                 "the head of run demo is among them: `lastgood rollback 4` goes back to its newest intact "
                 "ancestor, step 75\n"));
  CHECK_FALSE(find_checkpoint(sample.open(), CheckpointId{5})->intact);

  const Finished json = lastgood(sample.path(), {"verify", "--json"});
  CHECK(json.exit == 20);
  CHECK(json.json()["ok"] == false);
  REQUIRE(json.json()["damages"].size() == 1);
  const auto damage = json.json()["damages"][0];
  CHECK(damage["checkpoint"] == 5);
  CHECK(damage["entry"] == "model/layer.weight");
  CHECK(std::filesystem::exists(sample.path() / "blobs" / damage["pack"].get<std::string>()));
  CHECK(damage["offset"].is_number_unsigned());
  CHECK_FALSE(damage["what"].get<std::string>().empty());
}

TEST_CASE("verify --structure-only does not read the data, and so finds a missing pack but no flipped byte") {
  const BranchedStore sample;
  sample.damage_newest();
  const Finished flipped = lastgood(sample.path(), {"verify", "--structure-only"});
  CHECK(flipped.exit == 0);
  for (const auto& pack : std::filesystem::directory_iterator(sample.path() / "blobs")) {
    std::filesystem::remove(pack);
  }
  const Finished gone = lastgood(sample.path(), {"verify", "--structure-only"});
  CHECK(gone.exit == 20);
  CHECK(contains(gone.out,
                 "no checkpoint before it is intact; choose another branch in `lastgood log`, or start the run anew"));
}

TEST_CASE("verify of a store that one may not write still finds the damage, but marks nothing") {
  const BranchedStore sample;
  sample.damage_newest();
  std::filesystem::permissions(sample.path().parent_path(), std::filesystem::perms(0755));
  const Finished damaged = lastgood(sample.path(), {"verify"}, {.user = Surroundings::User::nobody});
  CHECK(damaged.exit == 20);
  CHECK(contains(damaged.err, "the store cannot be written: damage is reported, but not marked"));
  CHECK(contains(damaged.out, "damaged: checkpoint 5 (step 100), entry model/layer.weight"));
  CHECK(find_checkpoint(sample.open(), CheckpointId{5})->intact);
}

}  // namespace lastgood::test

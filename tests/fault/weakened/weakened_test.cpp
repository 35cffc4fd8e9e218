// A sweep that finds nothing proves something only if it finds what is wrong: each rule, turned off, must make it fail,
// and in the way that the rule prevents.
#include "tests/fault/weakened/weakened.h"

#include <catch2/catch.hpp>

#include "tests/fault/harness/collision.h"
#include "tests/fault/harness/neighbours.h"
#include "tests/fault/harness/sweep.h"

namespace lastgood::test {
namespace {

constexpr FaultMode kKill[] = {{"kill", FaultKind::kill}};
constexpr FaultMode kKillHalfway[] = {{"kill_halfway", FaultKind::kill_halfway}};
constexpr FaultMode kIoError[] = {{"io_error", FaultKind::io_error}};
constexpr FaultMode kFailedSync[] = {{"failed_sync", FaultKind::failed_sync}};
constexpr Loss kLoseUnsynced[] = {{PowerLoss::lose_unsynced}};
constexpr Loss kLoseEntries[] = {{PowerLoss::lose_entries}};
constexpr Loss kZeroContents[] = {{PowerLoss::zero_contents}};

constexpr const char* kGone = "was acknowledged and is gone";
constexpr const char* kUnloadable = "is listed and does not load";
constexpr const char* kDamage = "damages, first";
constexpr const char* kRefused = "a live save was refused";

void require_violation(const Tally& tally, const std::string& what) {
  INFO(tally.violation.value_or("no violation"));
  REQUIRE(tally.violation.has_value());
  REQUIRE(tally.violation->find(what) != std::string::npos);
}

Tally save_beside_collection() {
  return interleave(save(Way::synchronous), "forget_and_collect", forget_and_collect);
}

// What all others are measured by: this build is sound as long as no rule is off.
TEST_CASE("with every rule in force, this build is as sound as the library") {
  REQUIRE_FALSE(sweep(save(Way::synchronous), kKill, kZeroContents).violation.has_value());
  REQUIRE_FALSE(sweep(collect_by_compaction(), kKill, kLoseUnsynced).violation.has_value());
  REQUIRE_FALSE(save_beside_collection().violation.has_value());
}

TEST_CASE("the commit that drops rows may be lost with the power") {
  const Weakened weakened{&rules::relaxed_survives};
  REQUIRE_FALSE(sweep(collect(), kKill, kLoseUnsynced).violation.has_value());
}

TEST_CASE("without a sync of the pack, a power loss takes what a checkpoint refers to") {
  const Weakened weakened{&rules::sync_pack};
  require_violation(sweep(save(Way::synchronous), kKill, kZeroContents), kUnloadable);
  require_violation(sweep(collect_by_compaction(), kKill, kZeroContents), kUnloadable);
}

TEST_CASE("without a sync of the folder, a power loss takes the pack") {
  const Weakened weakened{&rules::sync_folder};
  require_violation(sweep(save(Way::synchronous), kKill, kLoseEntries), kUnloadable);
  require_violation(sweep(collect_by_compaction(), kKill, kLoseEntries), kUnloadable);
}

TEST_CASE("a second sync of a pack whose sync failed says nothing") {
  const Weakened weakened{&rules::new_pack_after_failed_sync};
  require_violation(sweep(save(Way::synchronous), kFailedSync, kLoseUnsynced), kUnloadable);
}

TEST_CASE("a final commit that is not durable is acknowledged in vain") {
  const Weakened weakened{&rules::commit_durable, &rules::relaxed_survives};
  require_violation(sweep(save(Way::synchronous), kKill, kLoseUnsynced), kGone);
}

TEST_CASE("a failed save that unlinks its pack takes it from a commit that came about all the same") {
  const Weakened weakened{&rules::keep_failed_pack};
  require_violation(sweep(save(Way::synchronous), kIoError, {}), kUnloadable);
}

TEST_CASE("without pins, a match dies and the save is refused") {
  const Weakened weakened{&rules::pin};
  require_violation(save_beside_collection(), kRefused);
}

TEST_CASE("without pins and the second look, a checkpoint refers to what was collected") {
  const Weakened weakened{&rules::pin, &rules::recheck};
  require_violation(save_beside_collection(), kUnloadable);
}

TEST_CASE("a match that is dead comes to life on paper only") {
  const Weakened weakened{&rules::match_live_only};
  const Veteran veteran = collection_beside_veteran();
  // The catalog itself objects when the collection comes to drop the pack, which is gone by then.
  require_violation(interleave(veteran.collection, "save_by_veteran", veteran.save), "holds live blobs and must stay");
}

TEST_CASE("a save that has a row before its lock is taken for dead") {
  const Weakened weakened{&rules::lock_first};
  require_violation(save_beside_collection(), kRefused);
}

TEST_CASE("a pack that has a file before its row is taken for an orphan") {
  const Weakened weakened{&rules::row_before_file};
  require_violation(save_beside_collection(), kUnloadable);
}

TEST_CASE("without a comparison of bytes, a collision gives back another state") {
  const Weakened weakened{&rules::compare_foreign};
  const Collision pair = build_collision();
  SimulatedDisk disk;
  Ledger ledger;
  Process process(disk);
  Actor actor(process, ledger, OpenMode::create);
  actor.start("a", 1 << 20);
  actor.save_surely({{"e", pair.one}});
  actor.start("b", 1 << 20);
  actor.save_surely({{"e", pair.two}});
  REQUIRE_THROWS_WITH(listed_are_whole(actor.store(), ledger), Catch::Contains("other contents than were saved"));
}

TEST_CASE("a collection that takes a locked save for dead has it refused") {
  const Weakened weakened{&rules::respect_locks};
  require_violation(save_beside_collection(), kRefused);
}

TEST_CASE("a collection that does not ask for a pack's owner takes the pack of a live save") {
  const Weakened weakened{&rules::ask_owner};
  require_violation(save_beside_collection(), kRefused);
}

TEST_CASE("what is destroyed before it is marked is missed after a kill") {
  const Weakened weakened{&rules::mark_first};
  require_violation(sweep(collect(), kKill, {}), kDamage);
}

TEST_CASE("what is destroyed under marks that are not durable is missed after a power loss") {
  const Weakened weakened{&rules::mark_durable, &rules::relaxed_survives};
  require_violation(sweep(collect(), kKill, kLoseUnsynced), kDamage);
}

TEST_CASE("a hole in a block that a live blob shares may take the blob with it") {
  const Weakened weakened{&rules::punch_whole_blocks};
  require_violation(sweep(collect(), kKill, kZeroContents), kDamage);
}

TEST_CASE("holes that are not synced before their rows go leave space that nobody knows of") {
  const Weakened weakened{&rules::sync_punched};
  // The last operation is the end of that commit: a kill before it comes too early.
  require_violation(sweep(collect(), kKillHalfway, kLoseUnsynced), "bytes that nobody needs");
}

TEST_CASE("rows that go before what they name leave space that nobody knows of") {
  const Weakened weakened{&rules::drop_last};
  require_violation(sweep(collect(), kKill, {}), "bytes that nobody needs");
}

TEST_CASE("a compaction whose commit is not durable unlinks what the catalog still names after a power loss") {
  const Weakened weakened{&rules::move_durable, &rules::relaxed_survives};
  require_violation(sweep(collect_by_compaction(), kKill, kLoseUnsynced), kUnloadable);
}

TEST_CASE("a sweep that asks the catalog before it lists the folder takes a new pack for an orphan") {
  const Weakened weakened{&rules::list_before_asking};
  require_violation(interleave(collect(), "save_beside", save_beside, true), kUnloadable);
}

TEST_CASE("without a look at the hash, a load returns holes") {
  const Weakened weakened{&rules::check_hash};
  require_violation(interleave(load(2, true), "forget_and_collect", forget_and_collect, true), "returned wrong bytes");
}

TEST_CASE("a load that does not ask again takes what was moved for damage") {
  const Weakened weakened{&rules::ask_again};
  require_violation(interleave(load(4, false), "forget_and_collect", forget_and_collect, true), "does not load");
}

}  // namespace
}  // namespace lastgood::test

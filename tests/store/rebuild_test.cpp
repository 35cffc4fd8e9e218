#include <lastgood/rebuild.h>

#include <catch2/catch.hpp>

#include <lastgood/annotate.h>
#include <lastgood/gc.h>
#include <lastgood/session.h>
#include <lastgood/verify.h>

#include "store/catalog/checkpoints.h"
#include "store/io/pack_reader.h"
#include "store/paths.h"
#include "store/rebuild_on.h"
#include "tests/store/simulated_store.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

RebuildReport rebuild_closed(SimulatedStore& store, bool dry_run = false) {
  store.close();
  return rebuild_on("/store", dry_run, {}, store.process);
}

/// What must come back of a checkpoint, ids aside: the order gives them anew.
std::string portrait(const std::vector<CheckpointInfo>& all, const CheckpointInfo& one) {
  std::string parent = "none";
  for (const CheckpointInfo& other : all) {
    if (one.parent == other.id) parent = other.digest.hex();
  }
  std::string text = one.run + " " + std::to_string(one.step) + " " + one.digest.hex() + " after " + parent + " " +
                     to_string(one.stability) + " " + to_string(one.kind) + " " + std::to_string(one.created_at_ms) +
                     " " + std::to_string(one.bytes_logical) + " " + std::to_string(one.bytes_new) + " " + one.metadata;
  for (const auto& [name, value] : one.metrics) text += " " + name + "=" + std::to_string(value);
  return text + (one.is_head ? " head" : "");
}

std::vector<std::string> portraits(const StoreFixture& store) {
  const auto all = list_checkpoints(store.store());
  std::vector<std::string> texts;
  for (const CheckpointInfo& one : all) texts.push_back(portrait(all, one));
  return texts;
}

using Lines = std::vector<std::string>;

/// Of all checkpoints, oldest first.
std::vector<bool> intact_of(const StoreFixture& store) {
  std::vector<bool> intact;
  for (const CheckpointInfo& one : list_checkpoints(store.store())) intact.insert(intact.begin(), one.intact);
  return intact;
}

catalog::Blob manifest_of(const StoreFixture& store, CheckpointId id) {
  catalog::Blob manifest;
  store.catalog().read([&](catalog::Connection& db) { manifest = catalog::checkpoint_blobs(db, id).value().manifest; });
  return manifest;
}

/// Two runs, a branch, shared and own content.
void fill(StoreFixture& store) {
  const auto shared = random_bytes(3 * kChunk, 100);
  store.save(
      {.run = "a", .step = 1, .entries = {{"s", shared}, {"o", random_bytes(10, 1)}}, .metrics = {{"loss", 2.0}}});
  store.save(
      {.run = "a", .step = 2, .entries = {{"s", shared}, {"o", random_bytes(10, 2)}}, .stability = Stability::stable});
  store.save({.run = "b", .step = 1, .entries = {{"s", shared}}, .metrics = {{"loss", -0.5}, {"x", 1e300}}});
  rollback(store.store(), CheckpointId{1});
  store.save({.run = "a", .step = 2, .entries = {{"o", random_bytes(kChunk + 1, 3)}}, .created_at_ms = 77});
}

}  // namespace

TEST_CASE("a rebuilt catalog tells the same history, and every checkpoint loads") {
  SimulatedStore store;
  fill(store);
  const auto before = portraits(store);
  const auto uuid = store.catalog().store_uuid();
  store.close();
  SECTION("the old one lost") {
    store.disk.remove("/store/catalog.db");
  }
  SECTION("the old one garbage") {
    store.disk.damage("/store/catalog.db", 0, random_bytes(4096, 1));
  }
  SECTION("the old one cut short") {
    store.disk.truncate("/store/catalog.db", 100);
  }
  SECTION("the old one whole") {}
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.checkpoints == 4);
  CHECK(report.packs == 4);
  CHECK(report.incomplete.empty());
  CHECK(report.damaged_frames == 0);
  store.reopen();
  CHECK(portraits(store) == before);
  CHECK(store.catalog().store_uuid() == uuid);
  CHECK(verify(store.store()).ok());
  for (const CheckpointInfo& checkpoint : list_checkpoints(store.store())) CHECK(store.loads(checkpoint.id));
}

TEST_CASE("the next save goes on from a rebuilt catalog, and gc finds nothing that is needed") {
  SimulatedStore store;
  fill(store);
  rebuild_closed(store);
  store.reopen();
  const CheckpointId next = store.save({.run = "a", .step = 3, .entries = weights(9)});
  CHECK(store.info(next).is_head);
  CHECK(store.info(next).parent.has_value());
  CHECK(collect_garbage(store.store()).blobs_freed == 0);
  CHECK(verify(store.store()).ok());
}

TEST_CASE("the old catalog is set aside with its journals, and a second rebuild gives the same") {
  SimulatedStore store;
  fill(store);
  const auto before = portraits(store);
  store.close();
  io::write_all(*store.process.create("/store/catalog.db-wal"), 0, random_bytes(100, 1));
  const RebuildReport report = rebuild_closed(store);
  CHECK(store.disk.exists(report.old_catalog));
  CHECK(store.disk.exists(report.old_catalog + "-wal"));
  CHECK_FALSE(store.disk.exists("/store/catalog.db-wal"));
  CHECK_FALSE(store.disk.exists("/store/catalog.db.new"));
  CHECK(rebuild_closed(store).old_catalog != report.old_catalog);
  store.reopen();
  CHECK(portraits(store) == before);
}

TEST_CASE("a journal whose database is gone does not reach the new one") {
  SimulatedStore store;
  fill(store);
  const auto before = portraits(store);
  store.close();
  store.disk.remove("/store/catalog.db");
  if (!store.disk.exists("/store/catalog.db-journal")) store.process.create("/store/catalog.db-journal");
  io::write_all(*store.process.open("/store/catalog.db-journal", true), 0, random_bytes(100, 1));
  CHECK(rebuild_closed(store).old_catalog.empty());
  CHECK_FALSE(store.disk.exists("/store/catalog.db-journal"));
  store.reopen();
  CHECK(portraits(store) == before);
}

TEST_CASE("children of a forgotten checkpoint hang on its parent after a rebuild, too") {
  SimulatedStore store;
  for (Step step = 1; step <= 4; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step), 1)});
  }
  const CheckpointId middle[] = {CheckpointId{2}, CheckpointId{3}};
  forget(store.store(), middle);
  collect_garbage(store.store());
  const auto before = portraits(store);
  rebuild_closed(store);
  store.reopen();
  CHECK(portraits(store) == before);
}

TEST_CASE("forgotten checkpoints come back as long as no gc has freed them") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 1)});
  store.save({.step = 2, .entries = weights(2, 1)});
  const CheckpointId first{1};
  forget(store.store(), {&first, 1});
  CHECK(rebuild_closed(store).checkpoints == 2);
}

TEST_CASE("a checkpoint whose manifest is damaged is named and left out, and its children hang on its parent") {
  SimulatedStore store;
  for (Step step = 1; step <= 3; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step), 2)});
  }
  store.damage(manifest_of(store, CheckpointId{2}));
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.checkpoints == 2);
  CHECK(report.damaged_frames == 1);
  CHECK(report.incomplete == Lines{"run demo, step 2: its manifest is damaged"});
  store.reopen();
  const auto left = list_checkpoints(store.store());
  REQUIRE(left.size() == 2);
  CHECK(left.at(0).step == 3);
  CHECK(left.at(0).parent == left.at(1).id);
  CHECK(verify(store.store()).ok());
}

TEST_CASE("a damaged record is named with its pack") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 2)});
  catalog::Blob record;
  store.catalog().read(
      [&](catalog::Connection& db) { record = catalog::checkpoint_blobs(db, CheckpointId{1}).value().record; });
  store.damage(record);
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.checkpoints == 0);
  REQUIRE(report.incomplete.size() == 1);
  CHECK_THAT(report.incomplete.at(0), Contains(paths::pack_name(record.place.pack_uuid)) && Contains("record"));
}

TEST_CASE("a checkpoint with a damaged blob comes back with the mark, and no collection takes what is left of it") {
  SimulatedStore store;
  for (Step step = 1; step <= 3; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step), 2)});
  }
  store.damage(store.chunks(CheckpointId{2}).at(0));
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.checkpoints == 3);
  CHECK(report.damaged_frames == 1);
  CHECK(report.damaged == Lines{"run demo, step 2: 1 blob is damaged"});
  CHECK(report.incomplete.empty());
  store.reopen();
  CHECK(intact_of(store) == std::vector<bool>{true, false, true});
  CHECK(collect_garbage(store.store()).blobs_freed == 0);
  const catalog::Blob good = store.chunks(CheckpointId{2}).at(1);
  CHECK_FALSE(good.damaged);
  CHECK_NOTHROW(
      io::PackReader(store.process, "/store/blobs").read({good.place.pack_uuid, good.place.offset, good.frame}));
  CHECK(verify(store.store()).damages.size() == 1);
}

TEST_CASE("a checkpoint whose blobs are gone comes back with the mark, whatever became of the catalog") {
  SimulatedStore store;
  const auto shared = random_bytes(3 * kChunk, 100);
  store.save({.step = 1, .entries = {{"s", shared}}});
  store.save({.step = 2, .entries = {{"s", shared}, {"o", random_bytes(2 * kChunk, 2)}}});
  store.save({.step = 3, .entries = weights(3, 2)});
  store.disk.remove(paths::pack("/store", store.chunks(CheckpointId{1}).at(0).place.pack_uuid));
  store.close();
  if (GENERATE(true, false)) store.disk.remove("/store/catalog.db");
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.checkpoints == 2);
  CHECK(report.damaged == Lines{"run demo, step 2: 3 blobs are missing"});
  store.reopen();
  CHECK(intact_of(store) == std::vector<bool>{false, true});
  CHECK(collect_garbage(store.store()).blobs_freed == 0);
  CHECK(store.pack_files().size() == 2);
  const VerifyReport found = verify(store.store());
  REQUIRE_FALSE(found.ok());
  CHECK(found.damages.at(0).what == "pack file is missing in chunk 1 of 3");
  CHECK(found.damages.at(0).checkpoint == CheckpointId{1});

  SECTION("forgotten, it is collected, and nothing is left of the file that is not there") {
    const CheckpointId wreck{1};
    forget(store.store(), {&wreck, 1});
    CHECK(collect_garbage(store.store()).packs_removed == 2);
    CHECK(verify(store.store()).ok());
  }
  SECTION("a save of the same content heals it") {
    SessionOptions options;
    options.chunk_bytes = kChunk;
    options.staging_bytes = 1u << 20;
    const TensorView view{{Section::model, "s", DType::bytes, {3 * kChunk}, ""}, shared.data()};
    SaveRequest request;
    request.step = 4;
    CHECK(store.store().start_session("demo", options).save({&view, 1}, request).ok());
    CHECK(store.info(CheckpointId{1}).intact);
    CHECK(verify(store.store()).ok());
  }
  SECTION("another rebuild tells the same") {
    const RebuildReport again = rebuild_closed(store);
    CHECK(again.damaged == report.damaged);
    CHECK(again.checkpoints == 2);
  }
}

TEST_CASE("a store that is whole is reported as clean after any forgetting and collecting") {
  SimulatedStore store;
  const auto kept = random_bytes(100, 100);  // shares the pack's last blocks with the manifest and the record
  store.save({.step = 1, .entries = {{"o", random_bytes(2 * kChunk, 1)}}});
  store.save({.step = 2, .entries = {{"o", random_bytes(3 * kChunk, 2)}, {"m", random_bytes(5000, 9)}, {"k", kept}}});
  store.save({.step = 3, .entries = {{"o", random_bytes(2 * kChunk, 3)}, {"k", kept}}});
  const CheckpointId first[] = {CheckpointId{1}, CheckpointId{2}};
  forget(store.store(), first);
  collect_garbage(store.store());
  const auto before = portraits(store);
  store.close();
  if (GENERATE(true, false)) store.disk.remove("/store/catalog.db");
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.checkpoints == 1);
  CHECK(report.incomplete.empty());
  CHECK(report.damaged.empty());
  CHECK(report.damaged_frames == 0);
  CHECK(report.collected.size() == 1);  // its record did outlive it
  store.reopen();
  CHECK(portraits(store) == before);
}

TEST_CASE("a catalog that knows the pack tells a forgotten checkpoint from a damaged one, where holes cannot") {
  SimulatedStore store(kWithoutHoles);
  const auto kept = random_bytes(8 * kChunk, 100);
  store.save({.step = 1, .entries = {{"o", random_bytes(3 * kChunk, 1)}}});
  store.save({.step = 2, .entries = {{"o", random_bytes(3 * kChunk, 1)}, {"k", kept}, {"x", random_bytes(20'000, 2)}}});
  store.save({.step = 3, .entries = {{"k", kept}}});
  const CheckpointId gone[] = {CheckpointId{1}, CheckpointId{2}};
  forget(store.store(), gone);
  collect_garbage(store.store());
  store.close();
  SECTION("with the catalog") {
    const RebuildReport report = rebuild_closed(store);
    CHECK(report.collected == Lines{"run demo, step 2: 3 blobs are missing"});
    CHECK(report.damaged.empty());
  }
  SECTION("without it, in doubt, it is kept") {
    store.disk.remove("/store/catalog.db");
    CHECK(rebuild_closed(store).damaged == Lines{"run demo, step 2: 3 blobs are missing"});
  }
}

TEST_CASE("a copy of a damaged blob in another pack makes its checkpoint whole again") {
  SimulatedStore store;
  const CheckpointId first = store.save({.step = 1, .entries = weights(1, 1)});
  store.damage(store.chunks(first).at(0));
  verify(store.store());
  store.save({.step = 2, .entries = weights(1, 1)});  // the fixture matches no damaged blob: it writes the content anew
  CHECK(rebuild_closed(store).checkpoints == 2);
  store.reopen();
  CHECK(verify(store.store()).ok());
}

TEST_CASE("packs of another store, and renamed ones, are named and left out") {
  SimulatedStore store;
  fill(store);
  const std::string own = store.pack_files().at(0);
  SimulatedStore other;
  other.save({.step = 9, .entries = weights(9, 1)});
  const std::string stranger = other.pack_files().at(0);
  io::write_all(*store.process.create("/store/blobs/" + stranger), 0, other.disk.contents("/store/blobs/" + stranger));
  store.process.rename("/store/blobs/" + own, paths::pack("/store", format::Uuid::random()));
  const RebuildReport report = rebuild_closed(store);
  CHECK(report.packs == 3);
  REQUIRE(report.incomplete.size() >= 2);
  const std::string left_out = report.incomplete.at(0) + report.incomplete.at(1);
  CHECK_THAT(left_out, Contains("belongs to another store") && Contains("was renamed"));
}

TEST_CASE("a dry run reports the same and writes nothing") {
  SimulatedStore store;
  fill(store);
  store.damage(store.chunks(CheckpointId{4}).at(0));
  store.close();
  const auto catalog = store.disk.contents("/store/catalog.db");
  const auto files = store.process.list("/store").size();
  const RebuildReport would = rebuild_closed(store, true);
  CHECK(store.disk.contents("/store/catalog.db") == catalog);
  CHECK(store.process.list("/store").size() == files);
  const RebuildReport did = rebuild_closed(store);
  CHECK(would.checkpoints == did.checkpoints);
  CHECK(would.blobs == did.blobs);
  CHECK(would.incomplete == did.incomplete);
  CHECK(would.damaged == did.damaged);
  CHECK(would.damaged_frames == did.damaged_frames);
  CHECK(would.old_catalog.empty());
}

TEST_CASE("a rebuild needs the store to itself") {
  SimulatedStore store;
  fill(store);
  const Error error = thrown_by([&] { rebuild_on("/store", false, {}, store.process); });
  CHECK(error.code() == ErrorCode::busy);
  CHECK(rebuild_on("/store", true, {}, store.process).checkpoints == 4);
}

TEST_CASE("a rebuild stops when asked, and the store is as it was") {
  SimulatedStore store;
  fill(store);
  const auto before = portraits(store);
  store.close();
  const auto stop = [](const Progress&) { return false; };
  CHECK(thrown_by([&] { rebuild_on("/store", false, stop, store.process); }).code() == ErrorCode::cancelled);
  store.reopen();
  CHECK(portraits(store) == before);
}

TEST_CASE("a catalog of a newer version is not replaced") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  store.close();
  const auto catalog = paths::catalog("/store");
  const Bytes version = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{99}};  // where SQLite keeps user_version
  store.disk.damage(catalog, 60, version);
  const Bytes before = store.disk.contents(catalog);
  const Error error = thrown_by([&] { rebuild_closed(store); });
  CHECK(error.code() == ErrorCode::unsupported_version);
  CHECK(store.disk.contents(catalog) == before);
}

TEST_CASE("there is nothing to rebuild where there is no store") {
  const TemporaryDirectory directory;
  CHECK(thrown_by([&] { rebuild(directory.path()); }).code() == ErrorCode::not_found);
  CHECK(thrown_by([&] { rebuild(directory / "nothing"); }).code() == ErrorCode::not_found);
}

TEST_CASE("a store on the machine's own file system is rebuilt, without locks/ and quarantine/ too") {
  StoreFixture store;
  fill(store);
  const auto before = portraits(store);
  store.close();
  std::filesystem::remove_all(store.path() / "locks");
  std::filesystem::remove_all(store.path() / "quarantine");
  std::filesystem::remove(store.path() / "catalog.db");
  CHECK(rebuild(store.path()).checkpoints == 4);
  store.reopen();
  CHECK(portraits(store) == before);
  CHECK(verify(store.store()).ok());
}

TEST_CASE("what no checkpoint needs gets rows, so that the next gc frees it") {
  SimulatedStore store;
  fill(store);
  const OpenSave dead = store.begin_save();
  store.write_pack(dead, random_bytes(4 * kChunk, 50));
  rebuild_closed(store);
  store.reopen();
  const GcReport report = collect_garbage(store.store());
  CHECK(report.packs_removed == 1);
  CHECK(report.bytes_freed >= 4 * kChunk);
  CHECK(verify(store.store()).ok());
}

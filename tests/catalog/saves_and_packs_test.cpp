#include <catch2/catch.hpp>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

TEST_CASE("a save in flight has a row and owns its packs until it ends") {
  SampleCatalog sample;
  const SessionId session = sample.session("demo");
  const format::Uuid uuid = format::Uuid::random(), second = format::Uuid::random();
  BegunSave begun;
  PackId other;
  sample.write([&](Connection& c) {
    begun = begin_save(c, uuid, session);
    other = add_pack(c, second, begun.save);
  });
  const std::vector<SaveRow> saves = sample.read(saves_in_flight);
  REQUIRE(saves.size() == 1);
  CHECK(saves[0].id == begun.save);
  CHECK(saves[0].uuid == uuid);
  CHECK(sample.read([&](Connection& c) { return save_exists(c, begun.save); }));
  CHECK(sample.read(pack_uuids) == std::vector<format::Uuid>{uuid, second});
  std::vector<PackRow> packs = sample.read(list_packs);
  REQUIRE(packs.size() == 2);
  CHECK(packs[0].id == begun.pack);
  CHECK(packs[0].owner_in_flight);
  CHECK(packs[1].id == other);
  CHECK(packs[1].owner_in_flight);

  sample.write([&](Connection& c) { end_save(c, begun.save); });
  CHECK_FALSE(sample.read([&](Connection& c) { return save_exists(c, begun.save); }));
  packs = sample.read(list_packs);
  REQUIRE(packs.size() == 2);
  CHECK_FALSE(packs[0].owner_in_flight);
  const Error error =
      thrown_by([&] { sample.write([&](Connection& c) { add_pack(c, format::Uuid::random(), begun.save); }); });
  CHECK(error.code() == ErrorCode::internal);
}

TEST_CASE("ids of saves and packs are never used twice") {
  SampleCatalog sample;
  const SessionId session = sample.session("demo");
  BegunSave first, second;
  sample.write([&](Connection& c) {
    first = begin_save(c, format::Uuid::random(), session);
    end_save(c, first.save);
    drop_pack(c, first.pack);
  });
  sample.write([&](Connection& c) { second = begin_save(c, format::Uuid::random(), session); });
  CHECK(second.save.value > first.save.value);
  CHECK(second.pack.value > first.pack.value);
}

TEST_CASE("only live and sound blobs are pinned, and pinning twice is no error") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2, 3}});
  const SessionId session = sample.session("demo");
  sample.write([&](Connection& c) { set_damaged(c, sample.blob(2), true); });
  sample.tamper("UPDATE blob SET state = 1 WHERE id = 3");
  const BlobId ids[] = {BlobId{1}, BlobId{2}, BlobId{3}, BlobId{99}, BlobId{1}};
  std::vector<bool> first, second;
  SaveId save;
  sample.write([&](Connection& c) {
    save = begin_save(c, format::Uuid::random(), session).save;
    first = pin_live(c, save, ids);
    second = pin_live(c, save, ids);
  });
  CHECK(first == std::vector<bool>{true, false, false, false, true});
  CHECK(second == first);
  CHECK(sample.number("SELECT count(*) FROM save_pin") == 1);
  sample.write([&](Connection& c) { end_save(c, save); });
  CHECK(sample.number("SELECT count(*) FROM save_pin") == 0);
}

TEST_CASE("packs count their blobs, and are dropped only without live ones") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.chunks = {1, 2}});
  sample.add({.chunks = {2}});
  sample.write([&](Connection& c) {
    delete_checkpoints(c, {{first}});
    mark_unreferenced(c);
  });
  PackRow pack = sample.read(list_packs).front();
  CHECK(pack.live_blobs == 1);
  CHECK(pack.dead_blobs == 3);
  CHECK(pack.live_bytes == kFrameBytes);
  CHECK(thrown_by([&] { sample.write([&](Connection& c) { drop_pack(c, pack.id); }); }).code() == ErrorCode::internal);
  const std::vector<Blob> blobs = sample.read([&](Connection& c) { return blobs_in_pack(c, pack.id); });
  REQUIRE(blobs.size() == 4);
  for (std::size_t i = 1; i < blobs.size(); ++i) CHECK(blobs[i].place.offset > blobs[i - 1].place.offset);

  sample.tamper("UPDATE blob SET state = 1 WHERE pack_id = 1");
  sample.write([&](Connection& c) { drop_pack(c, pack.id); });
  CHECK(sample.read(list_packs).size() == 1);
  CHECK(sample.read([&](Connection& c) { return blobs_in_pack(c, pack.id); }).empty());
}

TEST_CASE("a pack of a compaction has no owner") {
  SampleCatalog sample;
  sample.write([](Connection& c) { add_compacted_pack(c, format::Uuid::random()); });
  const PackRow pack = sample.read(list_packs).front();
  CHECK_FALSE(pack.owner_in_flight);
  CHECK(pack.live_bytes == 0);
}

TEST_CASE("the collector's counter goes up by one each time") {
  SampleCatalog sample;
  sample.write(raise_gc_counter);
  sample.write(raise_gc_counter);
  CHECK(sample.number("SELECT value FROM meta WHERE key = 'gc_counter'") == 2);
  sample.tamper("DELETE FROM meta WHERE key = 'gc_counter'");
  CHECK(thrown_by([&] { sample.write(raise_gc_counter); }).code() == ErrorCode::corruption);
}

}  // namespace
}  // namespace lastgood::test

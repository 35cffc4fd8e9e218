#include <catch2/catch.hpp>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

std::vector<std::uint64_t> live_ids(const SampleCatalog& sample, BlobId after, std::uint64_t limit) {
  std::vector<std::uint64_t> ids;
  sample.db.read([&](Connection& c) {
    ids.clear();
    for_each_live_blob(c, after, limit, [&](const Blob& blob) { ids.push_back(blob.id.value); });
  });
  return ids;
}

TEST_CASE("appended blobs have ids that follow each other, and nothing refers to them") {
  SampleCatalog sample;
  const SessionId session = sample.session("demo");
  BlobId first;
  sample.write([&](Connection& c) {
    const BegunSave save = begin_save(c, format::Uuid::random(), session);
    const NewBlob blobs[] = {blob_of(1, 64), blob_of(2, 1088, format::FrameKind::manifest), blob_of(3, 2112)};
    first = append_blobs(c, save.pack, blobs);
  });
  const Blob second = sample.read([&](Connection& c) { return find_blob(c, BlobId{first.value + 1}); }).value();
  CHECK(second.frame.hash == hash_of(2));
  CHECK(second.frame.kind == format::FrameKind::manifest);
  CHECK(second.frame.codec == format::Codec::zstd);
  CHECK(second.frame.raw_bytes == 1000);
  CHECK(second.frame.stored_bytes == 900);
  CHECK(second.place.offset == 1088);
  CHECK(second.state == BlobState::live);
  CHECK(second.refs == 0);
  CHECK(sample.read([&](Connection& c) { return find_blob(c, BlobId{first.value + 2}); })->frame.hash == hash_of(3));
  CHECK_FALSE(sample.read([&](Connection& c) { return find_blob(c, BlobId{first.value + 3}); }));
}

TEST_CASE("no two blobs can claim the same place of a pack") {
  SampleCatalog sample;
  sample.add({.chunks = {1}});
  const Blob row = sample.row(1);
  const NewBlob same = blob_of(2, row.place.offset);
  CHECK_THROWS_AS(sample.write([&](Connection& c) { append_blobs(c, row.place.pack, {&same, 1}); }), Error);
}

TEST_CASE("live blobs are walked newest first, without records, damaged and dead ones") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2, 3}});  // 4 is its manifest, 5 its record
  CHECK(live_ids(sample, BlobId{0}, 100) == std::vector<std::uint64_t>{4, 3, 2, 1});
  CHECK(live_ids(sample, BlobId{2}, 100) == std::vector<std::uint64_t>{4, 3});
  CHECK(live_ids(sample, BlobId{0}, 2) == std::vector<std::uint64_t>{4, 3});
  sample.write([&](Connection& c) { set_damaged(c, BlobId{3}, true); });
  sample.tamper("UPDATE blob SET state = 1 WHERE id = 2");
  CHECK(live_ids(sample, BlobId{0}, 100) == std::vector<std::uint64_t>{4, 1});
}

TEST_CASE("a walk over blobs may ask the catalog from inside") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2}});
  int seen = 0;
  sample.db.read([&](Connection& c) {
    seen = 0;
    for_each_live_blob(c, BlobId{0}, 10, [&](const Blob&) {
      for_each_live_blob(c, BlobId{0}, 10, [&](const Blob& inner) { seen += find_blob(c, inner.id).has_value(); });
    });
  });
  CHECK(seen == 9);
}

TEST_CASE("blobs that are dead, damaged or gone are told by their positions") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2, 3}});
  sample.write([&](Connection& c) { set_damaged(c, sample.blob(3), true); });
  sample.tamper("UPDATE blob SET state = 1 WHERE id = 1");
  const BlobId ids[] = {BlobId{1}, BlobId{2}, BlobId{99}, BlobId{3}};
  CHECK(sample.read([&](Connection& c) { return not_live(c, ids); }) == std::vector<std::size_t>{0, 2, 3});
}

TEST_CASE("what nothing refers to and no save pins becomes dead, and only then can be dropped") {
  SampleCatalog sample;
  const CheckpointId old = sample.add({.chunks = {1, 2}});
  sample.add({.chunks = {2, 3}});
  sample.write([&](Connection& c) { delete_checkpoints(c, {{old}}); });
  SaveId pinning;
  const SessionId session = sample.session("demo");
  sample.write([&](Connection& c) {
    pinning = begin_save(c, format::Uuid::random(), session).save;
    const BlobId one[] = {sample.blob(1)};
    REQUIRE(pin_live(c, pinning, one) == std::vector<bool>{true});
  });
  const auto mark = [&] {
    std::uint64_t marked = 0;
    sample.write([&](Connection& c) { marked = mark_unreferenced(c); });
    return marked;
  };
  CHECK(mark() == 2);  // the old manifest and record; blob 1 is pinned
  sample.write([&](Connection& c) { end_save(c, pinning); });
  CHECK(mark() == 1);
  CHECK(mark() == 0);
  CHECK(sample.row(1).state == BlobState::dead);
  CHECK(sample.row(2).state == BlobState::live);
  const BlobId both[] = {sample.blob(1), sample.blob(2)};
  sample.write([&](Connection& c) { drop_dead(c, both); });
  CHECK_FALSE(sample.read([&](Connection& c) { return find_blob(c, both[0]); }));
  CHECK(sample.read([&](Connection& c) { return find_blob(c, both[1]); }));
  CHECK(sample.is_sound());
}

TEST_CASE("damage spoils the checkpoints that need the blob, and healing mends them all") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.chunks = {1, 2}});
  const CheckpointId second = sample.add({.chunks = {2, 3}});
  const CheckpointId third = sample.add({.chunks = {3}});
  const Blob before = sample.row(2);
  sample.write([&](Connection& c) { set_damaged(c, before.id, true); });
  CHECK_FALSE(sample.info(first).intact);
  CHECK_FALSE(sample.info(second).intact);
  CHECK(sample.info(third).intact);
  const std::vector<Blob> damaged = sample.read(damaged_blobs);
  REQUIRE(damaged.size() == 1);
  CHECK(damaged[0].id == before.id);
  CHECK(sample.read([&](Connection& c) { return checkpoints_with_blob(c, before.id); }) ==
        std::vector<CheckpointId>{first, second});

  const SessionId session = sample.session("demo");
  bool healed = false, again = true;
  PackId fresh;
  sample.write([&](Connection& c) {
    fresh = begin_save(c, format::Uuid::random(), session).pack;
    NewBlob replacement = blob_of(2, 128);
    replacement.frame.stored_bytes = 800;
    healed = heal_blob(c, before.id, fresh, replacement);
    again = heal_blob(c, before.id, fresh, replacement);
  });
  CHECK(healed);
  CHECK_FALSE(again);
  const Blob after = sample.row(2);
  CHECK(after.place.pack == fresh);
  CHECK(after.place.offset == 128);
  CHECK(after.frame.stored_bytes == 800);
  CHECK(after.refs == before.refs);
  CHECK(sample.info(first).intact);
  CHECK(sample.info(second).intact);
  const std::vector<Blob> old_pack = sample.read([&](Connection& c) { return blobs_in_pack(c, before.place.pack); });
  const bool extent_is_dead = std::any_of(old_pack.begin(), old_pack.end(), [&](const Blob& blob) {
    return blob.state == BlobState::dead && blob.place.offset == before.place.offset && blob.frame.stored_bytes == 900;
  });
  CHECK(extent_is_dead);
  CHECK(sample.is_sound());
}

TEST_CASE("a damaged manifest or record spoils its checkpoint too, and the mark can be taken back") {
  SampleCatalog sample;
  const CheckpointId id = sample.add({.chunks = {1}});
  for (const std::int64_t own : {2, 3}) {
    sample.write([&](Connection& c) { set_damaged(c, BlobId{own}, true); });
    CHECK_FALSE(sample.info(id).intact);
    sample.write([&](Connection& c) { set_damaged(c, BlobId{own}, false); });
    CHECK(sample.info(id).intact);
  }
}

TEST_CASE("other content cannot heal a blob, and a sound blob stays where it is") {
  SampleCatalog sample;
  sample.add({.chunks = {1}});
  const Blob row = sample.row(1);
  bool healed = true;
  sample.write([&](Connection& c) { healed = heal_blob(c, row.id, row.place.pack, blob_of(1, 9999)); });
  CHECK_FALSE(healed);
  CHECK(sample.row(1).place == row.place);
  sample.write([&](Connection& c) { set_damaged(c, row.id, true); });
  const Error error =
      thrown_by([&] { sample.write([&](Connection& c) { heal_blob(c, row.id, row.place.pack, blob_of(2, 9999)); }); });
  CHECK(error.code() == ErrorCode::internal);
}

TEST_CASE("compaction moves only blobs that are live where they were copied from") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2, 3}});
  PackId target;
  sample.write([&](Connection& c) { target = add_compacted_pack(c, format::Uuid::random()); });
  Place elsewhere = sample.row(2).place;
  elsewhere.offset += 1;
  sample.tamper("UPDATE blob SET state = 1 WHERE id = 3");
  const Move moves[] = {{sample.blob(1), sample.row(1).place, target, {64, sample.row(1).frame}},
                        {sample.blob(2), elsewhere, target, {1088, sample.row(2).frame}},
                        {sample.blob(3), sample.row(3).place, target, {2112, sample.row(3).frame}}};
  std::uint64_t moved = 0;
  sample.write([&](Connection& c) { moved = move_blobs(c, moves); });
  CHECK(moved == 1);
  CHECK(sample.row(1).place.pack == target);
  CHECK(sample.row(1).place.offset == 64);
  CHECK(sample.row(2).place.pack != target);
  CHECK(sample.row(3).place.pack != target);
}

TEST_CASE("a copy whose blob did not move is dead, so that the next collection frees it") {
  SampleCatalog sample;
  sample.add({.chunks = {1, 2}});
  std::vector<Blob> copies;
  const Blob first = sample.row(1);
  Blob healed = sample.row(2);
  healed.place.offset += 1;
  sample.write([&](Connection& c) {
    const PackId target = add_compacted_pack(c, format::Uuid::random());
    const Move moves[] = {{first.id, first.place, target, {64, first.frame}},
                          {healed.id, healed.place, target, {1088, healed.frame}}};
    move_blobs(c, moves);
    copies = blobs_in_pack(c, target);
  });
  REQUIRE(copies.size() == 2);
  CHECK(copies.at(0).state == BlobState::live);
  CHECK(copies.at(1).state == BlobState::dead);
  CHECK(copies.at(1).place.offset == 1088);
  CHECK(copies.at(1).refs == 0);
}

}  // namespace
}  // namespace lastgood::test

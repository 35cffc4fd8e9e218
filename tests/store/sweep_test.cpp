#include "store/sweep.h"

#include <catch2/catch.hpp>

#include <lastgood/gc.h>
#include <lastgood/rebuild.h>
#include <lastgood/verify.h>

#include "store/catalog/packs.h"
#include "store/dead_saves.h"
#include "store/paths.h"
#include "tests/store/store_fixture.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

void put_file(const StoreFixture& store, const std::filesystem::path& path, std::size_t bytes) {
  io::write_all(*store.files().create(path), 0, random_bytes(bytes, 1));
}

bool is_there(const StoreFixture& store, const std::filesystem::path& path) {
  return store.files().info(path).has_value();
}

}  // namespace

TEST_CASE("only a pack's own name is read as one") {
  const format::Uuid uuid = format::Uuid::random();
  CHECK(pack_of(paths::pack_name(uuid)) == uuid);
  for (const char* name : {"", ".pack", "x.pack", "0123456789abcdef0123456789abcdeg.pack"}) CHECK_FALSE(pack_of(name));
  CHECK_FALSE(pack_of(uuid.hex()));
  CHECK_FALSE(pack_of("ABCDEF0123456789ABCDEF0123456789.pack"));
}

TEST_CASE("an orphan is removed, and counted with what it took") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1)});
  const auto orphan = format::Uuid::random();
  put_file(store, paths::pack(store.path(), orphan), 3 * kChunk);
  const GcReport report = collect_garbage(store.store());
  CHECK(report.orphans_removed == 1);
  CHECK(report.bytes_freed >= 3 * kChunk);
  CHECK_FALSE(is_there(store, paths::pack(store.path(), orphan)));
  CHECK(store.loads(CheckpointId{1}));
}

TEST_CASE("an orphan that holds a checkpoint is set aside, and rebuild brings it back from there") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1)});
  store.save({.step = 2, .entries = weights(2)});
  const format::Uuid pack = store.chunks(CheckpointId{2}).front().place.pack_uuid;
  const auto in_blobs = paths::pack(store.path(), pack);
  const auto away = store.path() / "away";
  store.files().rename(in_blobs, away);  // as if a disk was not mounted while the catalog was rebuilt
  store.close();
  CHECK(rebuild(store.path()).checkpoints == 1);
  store.files().rename(away, in_blobs);
  store.reopen();
  const GcReport report = collect_garbage(store.store());
  CHECK(report.orphans_removed == 0);
  CHECK_FALSE(is_there(store, in_blobs));
  const auto aside = paths::quarantine(store.path()) / paths::pack_name(pack);
  REQUIRE(is_there(store, aside));
  CHECK_THAT(store.warnings().back(), Contains("`lastgood --store " + store.path().string() + " rebuild`"));
  store.files().rename(aside, in_blobs);
  store.close();
  CHECK(rebuild(store.path()).checkpoints == 2);
  store.reopen();
  CHECK(verify(store.store()).ok());
}

TEST_CASE("files that are no packs are left alone, with a warning") {
  StoreFixture store;
  put_file(store, paths::blobs(store.path()) / "notes.txt", 10);
  store.files().make_directory(paths::blobs(store.path()) / paths::pack_name(format::Uuid::random()));
  CHECK(collect_garbage(store.store()).orphans_removed == 0);
  CHECK(is_there(store, paths::blobs(store.path()) / "notes.txt"));
  REQUIRE(store.warnings().size() == 2);
  CHECK_THAT(store.warnings().at(0) + store.warnings().at(1), Contains("notes.txt"));
}

TEST_CASE("a pack whose row is committed is no orphan, even before it has a blob") {
  StoreFixture store;
  const OpenSave save = store.begin_save();
  store.write_pack(save, random_bytes(kChunk, 1));
  CHECK(find_orphans(store.store().impl()).empty());
}

TEST_CASE("lock files of no save that lives or has a row are swept, and no others") {
  StoreFixture store;
  const auto locks = paths::locks(store.path());
  const OpenSave living = store.begin_save();
  OpenSave dead = store.begin_save();
  dead.lock.reset();
  const auto stale = format::Uuid::random(), rowless = format::Uuid::random();
  put_file(store, paths::save_lock(store.path(), stale), 0);
  put_file(store, locks / "save-notes", 0);
  put_file(store, locks / "something", 0);
  // A save in its first moment: locked, and without a row yet.
  const auto lock = store.files().try_lock(paths::save_lock(store.path(), rowless), io::LockMode::exclusive);
  sweep_save_locks(store.store().impl());
  CHECK_FALSE(is_there(store, paths::save_lock(store.path(), stale)));
  CHECK(is_there(store, paths::save_lock(store.path(), living.uuid)));
  CHECK(is_there(store, paths::save_lock(store.path(), dead.uuid)));
  CHECK(is_there(store, paths::save_lock(store.path(), rowless)));
  CHECK(is_there(store, locks / "save-notes"));
  CHECK(is_there(store, locks / "something"));
}

TEST_CASE("dead saves are those whose lock can be had, and stay ours until the end") {
  StoreFixture store;
  const OpenSave living = store.begin_save();
  OpenSave dead = store.begin_save();
  dead.lock.reset();
  {
    const auto found = lock_dead_saves(store.store().impl());
    REQUIRE(found.size() == 1);
    CHECK(found.at(0).row.uuid == dead.uuid);
    CHECK_FALSE(store.files().try_lock(paths::save_lock(store.path(), dead.uuid), io::LockMode::exclusive));
    remove_lock_files(store.store().impl(), found);
    CHECK_FALSE(is_there(store, paths::save_lock(store.path(), dead.uuid)));
  }
  CHECK(is_there(store, paths::save_lock(store.path(), living.uuid)));
}

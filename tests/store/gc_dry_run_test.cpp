#include <catch2/catch.hpp>

#include <lastgood/gc.h>

#include "store/paths.h"
#include "tests/store/simulated_store.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

struct Collectable {
  SimulatedStore store;

  /// A pack to remove, one to punch, an orphan, and a dead save.
  Collectable() {
    const auto shared = random_bytes(8 * kChunk, 100);
    store.save({.step = 1, .entries = weights(1)});
    store.save({.step = 2, .entries = {{"a", random_bytes(8 * kChunk, 2)}, {"b", shared}}});
    store.save({.step = 3, .entries = {{"b", shared}}});
    const CheckpointId old[] = {CheckpointId{1}, CheckpointId{2}};
    forget(store.store(), old);
    store.process.create(paths::pack("/store", format::Uuid::random()))->write_some(0, bytes_of("orphan"));
    store.begin_save().lock.reset();
  }
  GcReport collect(bool dry_run) { return collect_garbage(store.store(), {dry_run, {}}); }
};

}  // namespace

TEST_CASE("a dry run foretells what a collection then does") {
  Collectable all;
  const GcReport would = all.collect(true);
  const GcReport did = all.collect(false);
  CHECK(would.blobs_freed == did.blobs_freed);
  CHECK(would.packs_removed == did.packs_removed);
  CHECK(would.orphans_removed == did.orphans_removed);
  CHECK(would.dead_saves == did.dead_saves);
  CHECK(would.bytes_freed == did.bytes_freed);
  CHECK(did.orphans_removed == 1);
  CHECK(did.dead_saves == 1);
  CHECK(did.bytes_freed > 12 * kChunk);
}

TEST_CASE("a dry run foretells what a collection does after checkpoints were forgotten") {
  SimulatedStore store;
  const auto shared = random_bytes(8 * kChunk, 100);
  store.save({.step = 1, .entries = {{"a", random_bytes(8 * kChunk, 1)}, {"b", shared}}});
  store.save({.step = 2, .entries = {{"a", random_bytes(8 * kChunk, 2)}, {"b", shared}}});
  store.save({.step = 3, .entries = {{"b", shared}}});
  const std::vector<CheckpointId> old = {CheckpointId{1}, CheckpointId{2}};
  const auto catalog = store.disk.contents("/store/catalog.db");
  CHECK(collect_garbage(store.store(), {.dry_run = true}).blobs_freed == 0);
  const GcReport would = collect_garbage(store.store(), {.dry_run = true, .forgetting = old});
  CHECK(store.disk.contents("/store/catalog.db") == catalog);
  forget(store.store(), old);
  const GcReport did = collect_garbage(store.store());
  CHECK(would.blobs_freed == did.blobs_freed);
  CHECK(would.packs_removed == did.packs_removed);
  CHECK(would.bytes_freed == did.bytes_freed);
  CHECK(did.bytes_freed > 15 * kChunk);
}

TEST_CASE("only a dry run takes checkpoints for forgotten") {
  Collectable all;
  const Error error = thrown_by([&] { collect_garbage(all.store.store(), {.forgetting = {CheckpointId{3}}}); });
  CHECK(error.code() == ErrorCode::invalid_argument);
}

TEST_CASE("a dry run changes nothing") {
  Collectable all;
  const auto files = all.store.pack_files();
  const auto catalog = all.store.disk.contents("/store/catalog.db");
  const auto allocated = all.store.allocated();
  all.collect(true);
  CHECK(all.store.pack_files() == files);
  CHECK(all.store.disk.contents("/store/catalog.db") == catalog);
  CHECK(all.store.allocated() == allocated);
}

TEST_CASE("a read-only handle can foretell, but asks no lock and so counts no save as dead") {
  Collectable all;
  all.store.reopen(OpenMode::read_only);
  const auto locks = all.store.process.list("/store/locks").size();
  const GcReport report = all.collect(true);
  CHECK(report.dead_saves == 0);
  CHECK(report.packs_removed == 1);
  CHECK(all.store.process.list("/store/locks").size() == locks);
}

TEST_CASE("a dry run can be stopped") {
  Collectable all;
  GcOptions options;
  options.dry_run = true;
  options.progress = [](const Progress&) { return false; };
  CHECK(thrown_by([&] { collect_garbage(all.store.store(), options); }).code() == ErrorCode::cancelled);
}

#include <lastgood/verify.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>

#include <lastgood/annotate.h>
#include <lastgood/gc.h>

#include "store/catalog/blobs.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/connection.h"
#include "store/paths.h"
#include "store/quarantine.h"
#include "tests/store/simulated_store.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Matchers::Contains;

namespace {

constexpr CheckpointId k1{1}, k2{2};

VerifyReport check(const StoreFixture& store, VerifyDepth depth = VerifyDepth::data,
                   std::optional<CheckpointId> checkpoint = {}) {
  VerifyOptions options;
  options.depth = depth;
  options.checkpoint = checkpoint;
  return verify(store.store(), options);
}

catalog::CheckpointBlobs blobs_of(const StoreFixture& store, CheckpointId id) {
  std::optional<catalog::CheckpointBlobs> blobs;
  store.catalog().read([&](catalog::Connection& db) { blobs = catalog::checkpoint_blobs(db, id); });
  return blobs.value();
}

/// "checkpoint entry: what", in the report's order.
std::vector<std::string> lines(const VerifyReport& report) {
  std::vector<std::string> lines;
  for (const Damage& damage : report.damages) {
    const std::string id = damage.checkpoint ? std::to_string(damage.checkpoint->value) : "-";
    lines.push_back(id + " " + damage.entry + ": " + damage.what);
  }
  return lines;
}
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a sound store has no damage, and all of it was read") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  store.save({.step = 2, .entries = {{"empty", {}}, {"w", random_bytes(100, 2)}}, .metrics = {{"loss", NAN}}});
  const VerifyReport report = check(store);
  CHECK(report.ok());
  CHECK(report.checkpoints == 2);
  CHECK(report.blobs == 4 + 1 + 4);
  CHECK(report.bytes > 4 * kChunk);
  CHECK(check(store, VerifyDepth::structure).ok());
  CHECK(check(store, VerifyDepth::structure).bytes == 0);
}

TEST_CASE("an empty store is sound") {
  SimulatedStore store;
  CHECK(check(store).ok());
}

TEST_CASE("a flipped byte is found, and the checkpoint, entry, chunk and place are named") {
  SimulatedStore store;
  store.save({.step = 1, .entries = {{"a", random_bytes(kChunk, 1)}, {"b", random_bytes(3 * kChunk, 2)}}});
  const catalog::Blob bad = store.chunks(k1).at(2);
  store.damage(bad);
  const VerifyReport report = check(store);
  CHECK(lines(report) == Lines{"1 model/b: hash mismatch in chunk 2 of 3"});
  CHECK(report.damages.at(0).pack == paths::pack_name(bad.place.pack_uuid));
  CHECK(report.damages.at(0).offset == bad.place.offset);
  CHECK(check(store, VerifyDepth::structure).ok());  // which reads no payloads
}

TEST_CASE("a damaged blob is reported for every checkpoint and entry that needs it") {
  SimulatedStore store;
  const auto shared = random_bytes(kChunk, 1);
  store.save({.step = 1, .entries = {{"a", shared}}});
  store.save({.step = 2, .entries = {{"b", shared}, {"c", shared}, {"d", random_bytes(10, 2)}}});
  store.damage(store.chunks(k1).at(0));
  const Lines expected = {"1 model/a: hash mismatch", "2 model/b: hash mismatch", "2 model/c: hash mismatch"};
  CHECK(lines(check(store)) == expected);
  CHECK(lines(check(store, VerifyDepth::data, k1)) == expected);
}

TEST_CASE("verifying one checkpoint looks at no other content") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  store.save({.step = 2, .entries = weights(2)});
  store.damage(store.chunks(k2).at(0));
  const VerifyReport report = check(store, VerifyDepth::data, k1);
  CHECK(report.ok());
  CHECK(report.checkpoints == 1);
  CHECK(report.blobs == 6);
  CHECK_FALSE(check(store, VerifyDepth::data, k2).ok());
  CHECK(thrown_by([&] { check(store, VerifyDepth::data, CheckpointId{9}); }).code() == ErrorCode::not_found);
}

TEST_CASE("damage to manifest and record is named as such, in both depths") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  store.damage(blobs_of(store, k1).manifest);
  store.damage(blobs_of(store, k1).record);
  const Lines expected = {"1 manifest: hash mismatch", "1 record: hash mismatch"};
  CHECK(lines(check(store)) == expected);
  CHECK(lines(check(store, VerifyDepth::structure)) == expected);
}

TEST_CASE("a damaged frame header, a cut and a missing pack are found by their structure") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 2)});
  const catalog::Blob first = store.chunks(k1).at(0), second = store.chunks(k1).at(1);
  const auto pack = paths::pack("/store", first.place.pack_uuid);
  SECTION("header") {
    store.disk.flip(pack, first.place.offset + 20);
    CHECK(lines(check(store, VerifyDepth::structure)) == Lines{"1 model/w: frame header is damaged in chunk 1 of 2"});
  }
  SECTION("cut") {
    store.disk.truncate(pack, second.place.offset + 64 + kChunk - 1);
    const Lines cut = {"1 manifest: pack is cut short", "1 model/w: pack is cut short in chunk 2 of 2",
                       "1 record: pack is cut short"};
    CHECK(lines(check(store, VerifyDepth::structure)) == cut);
    CHECK(lines(check(store)) == cut);
  }
  SECTION("missing") {
    store.disk.remove(pack);
    const Lines gone = {"1 manifest: pack file is missing", "1 model/w: pack file is missing in chunk 1 of 2",
                        "1 model/w: pack file is missing in chunk 2 of 2", "1 record: pack file is missing"};
    CHECK(lines(check(store, VerifyDepth::structure)) == gone);
  }
}

TEST_CASE("damage that no checkpoint needs is reported without one") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 1)});
  store.save({.step = 2, .entries = weights(2, 1)});
  store.damage(store.chunks(k1).at(0));
  forget(store.store(), {&k1, 1});
  CHECK(lines(check(store)) == Lines{"- : hash mismatch"});
  collect_garbage(store.store());
  CHECK(check(store).ok());
}

TEST_CASE("damage is marked, resumes pass it over, and content found right again loses the mark") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1), .stability = Stability::stable});
  store.save({.step = 2, .entries = weights(2), .stability = Stability::stable});
  const catalog::Blob bad = store.chunks(k2).at(0);
  store.damage(bad);
  check(store);
  CHECK_FALSE(store.info(k2).intact);
  CHECK(last_stable(store.store(), "demo")->id == k1);
  CHECK_FALSE(check(store).ok());
  store.damage(bad);  // the same bit, back again
  CHECK(check(store, VerifyDepth::structure).ok());
  CHECK_FALSE(store.info(k2).intact);  // headers alone prove nothing
  CHECK(check(store).ok());
  CHECK(store.info(k2).intact);
}

TEST_CASE("damaged bytes are set aside once, as they were found") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  const catalog::Blob bad = store.chunks(k1).at(0);
  store.damage(bad);
  check(store);
  check(store);
  CHECK(store.warnings().empty());
  const auto aside = store.process.list("/store/quarantine");
  REQUIRE(aside.size() == 1);
  CHECK(aside.at(0).name == bad.place.pack_uuid.hex() + "-" + std::to_string(bad.place.offset) + ".frame");
  const auto copy = store.disk.contents("/store/quarantine/" + aside.at(0).name);
  const auto pack = store.disk.contents(paths::pack("/store", bad.place.pack_uuid));
  const auto begin = pack.begin() + static_cast<std::ptrdiff_t>(bad.place.offset);
  CHECK(copy == Bytes(begin, begin + 64 + static_cast<std::ptrdiff_t>(kChunk)));
}

TEST_CASE("a blob that moved after it was found damaged gets no mark at its new place") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  const std::vector<BadBlob> elsewhere = {{store.chunks(k1).at(0), "hash mismatch"}};
  store.catalog().write(catalog::Durability::durable, [](catalog::Connection& db) {
    db.execute("UPDATE blob SET offset = offset + 64 WHERE id = 1");
  });
  io::PackReader reader(store.files(), "/store/blobs");
  set_aside(store.store().impl(), reader, elsewhere);
  CHECK(store.info(k1).intact);
}

TEST_CASE("a read-only handle finds the same, and marks and copies nothing") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  store.damage(store.chunks(k1).at(0));
  store.reopen(OpenMode::read_only);
  CHECK(lines(check(store)).size() == 1);
  CHECK(store.info(k1).intact);
  CHECK(store.process.list("/store/quarantine").empty());
}

TEST_CASE("a full disk keeps no finding back: marks and copies that fail are warnings") {
  SimulatedDisk disk;
  {
    Process process(disk);
    StoreFixture store(process);
    store.save({.step = 1, .entries = weights(1)});
    store.damage(store.chunks(k1).at(0));
  }
  Process process(disk, {Fault{FaultKind::no_space, 1, true}, false});
  std::vector<std::string> warnings;
  StoreOptions options;
  options.on_warning = [&](const std::string& warning) { warnings.push_back(warning); };
  std::optional<Store> store;
  try {
    store.emplace(open_store("/store", OpenMode::open, options, process));
  } catch (const Error&) {
    return;  // opening needs space here: nothing to learn
  }
  CHECK(verify(*store).damages.size() == 1);
  CHECK_FALSE(warnings.empty());
}

TEST_CASE("contradictions between catalog, manifest and record are found") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1, 2), .metrics = {{"loss", 1.0}}});
  const auto change = [&](const char* sql) {
    store.catalog().write(catalog::Durability::durable, [&](catalog::Connection& db) { db.execute(sql); });
  };
  SECTION("another step") {
    change("UPDATE checkpoint SET step = 77");
    CHECK_THAT(lines(check(store)).at(0), Contains("1 record: the record tells another step"));
  }
  SECTION("another metric") {
    change("UPDATE metric SET value = 2.0");
    CHECK_THAT(lines(check(store)).at(0), Contains("1 record:"));
  }
  SECTION("another digest") {
    change("UPDATE checkpoint SET digest = zeroblob(16)");
    CHECK_THAT(lines(check(store)).at(0), Contains("1 manifest:"));
  }
  SECTION("another name") {
    change("UPDATE layout_entry SET name = 'v'");
    CHECK_THAT(lines(check(store)).at(0), Contains("1 manifest: the manifest lists other entries"));
  }
  SECTION("chunks exchanged") {
    change("UPDATE checkpoint_blob SET blob_id = 3 - blob_id");
    CHECK_THAT(lines(check(store)).at(0), Contains("1 model/w: the catalog has other chunks"));
  }
  SECTION("a chunk too few") {
    change("DELETE FROM checkpoint_blob WHERE ordinal = 1");
    change("UPDATE blob SET refs = 0 WHERE id = 2");
    CHECK(lines(check(store)) == Lines{"1 model/w: the catalog has other chunks for it than the manifest"});
  }
  SECTION("a reference that is not counted") {
    change("UPDATE blob SET refs = 0 WHERE id = 1");
    CHECK_THAT(lines(check(store)).at(0), Contains("- : catalog:"));
  }
  CHECK_FALSE(check(store, VerifyDepth::structure).ok());
}

TEST_CASE("a rollback, a verdict and a graft are no contradictions") {
  SimulatedStore store;
  for (Step step = 1; step <= 3; ++step) {
    store.save({.step = step, .entries = weights(static_cast<std::uint64_t>(step))});
  }
  forget(store.store(), {&k2, 1});
  set_stability(store.store(), k1, Stability::unstable);
  rollback(store.store(), k1);
  CHECK(check(store).ok());
}

TEST_CASE("a check tells how far it is, up to all, and stops when asked") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  VerifyOptions options;
  std::uint64_t done = 0, total = 0;
  options.progress = [&](const Progress& progress) {
    CHECK(progress.bytes_done >= done);
    done = progress.bytes_done;
    if (progress.phase == "verify") total = progress.bytes_total;
    return true;
  };
  verify(store.store(), options);
  CHECK(done > 4 * kChunk);
  CHECK(done <= total);
  options.progress = [](const Progress&) { return false; };
  CHECK(thrown_by([&] { verify(store.store(), options); }).code() == ErrorCode::cancelled);
}

TEST_CASE("damage in a pack's own header is seen, at either depth, and touches no checkpoint") {
  SimulatedStore store;
  store.save({.step = 1, .entries = weights(1)});
  const auto pack = paths::pack("/store", store.chunks(k1).at(0).place.pack_uuid);
  CHECK(check(store).ok());
  const std::uint64_t byte = GENERATE(0, 20, 40, 63);
  store.disk.flip(pack, byte);
  for (const VerifyDepth depth : {VerifyDepth::structure, VerifyDepth::data}) {
    const VerifyReport report = check(store, depth);
    REQUIRE(report.damages.size() == 1);
    CHECK(report.damages.at(0).what == "the pack's header is damaged");
    CHECK(report.damages.at(0).pack == pack.filename());
    CHECK_FALSE(report.damages.at(0).checkpoint);
  }
  CHECK(store.info(k1).intact);
}

TEST_CASE("a pipe in a pack's place is damage, and nobody waits at it") {
  StoreFixture store;
  store.save({.step = 1, .entries = weights(1, 1)});
  const auto pack = paths::pack(store.path(), store.chunks(k1).at(0).place.pack_uuid);
  std::filesystem::remove(pack);
  REQUIRE(mkfifo(pack.c_str(), 0600) == 0);
  store.reopen();
  const VerifyReport report = check(store);
  REQUIRE_FALSE(report.ok());
  CHECK(report.damages.at(0).what == "something that is no file stands in the pack's place");
  CHECK_FALSE(store.info(k1).intact);
}

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

TEST_CASE("a checkpoint comes back as it was inserted and is the run's head") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.step = 25});
  const CheckpointId second = sample.add({.step = 50, .stability = Stability::stable, .metrics = {{"loss", 1.5}}});
  const CheckpointInfo info = sample.info(second);
  CHECK(info.run == "demo");
  CHECK(info.session == sample.session("demo"));
  CHECK(info.parent == first);
  CHECK(info.step == 50);
  CHECK(info.kind == CheckpointKind::regular);
  CHECK(info.stability == Stability::stable);
  CHECK(info.is_head);
  CHECK_FALSE(info.pinned);
  CHECK(info.intact);
  CHECK(info.created_at_ms == 1'700'000'000'050);
  CHECK(info.entries == 2);
  CHECK(info.bytes_logical == 2000);
  CHECK(info.metadata == "{}");
  CHECK(info.metrics == std::map<std::string, double>{{"loss", 1.5}});
  CHECK_FALSE(sample.info(first).is_head);
  CHECK_FALSE(sample.info(first).parent);
}

TEST_CASE("metrics that are not finite come back as they were") {
  SampleCatalog sample;
  const CheckpointId id = sample.add({.metrics = {{"a", NAN}, {"b", INFINITY}, {"c", -INFINITY}}});
  std::map<std::string, double> metrics = sample.info(id).metrics;
  CHECK(std::isnan(metrics.at("a")));
  CHECK(metrics.at("b") == INFINITY);
  CHECK(metrics.at("c") == -INFINITY);
}

TEST_CASE("names with quotes, percent signs and other alphabets are only text") {
  SampleCatalog sample;
  const std::string name = "it's \"100%\"; DROP TABLE run; -- \xc3\xa9\xe2\x82\xac";
  const CheckpointId id = sample.add({.run = name, .metrics = {{name, 1}}});
  sample.write([&](Connection& c) { set_tag(c, name, id, false); });
  CHECK(sample.info(id).run == name);
  CHECK(sample.info(id).metrics.count(name) == 1);
  CHECK(sample.info(id).tags == std::vector<std::string>{name});
  CHECK(sample.list(name) == std::vector<std::int64_t>{id.value});
}

TEST_CASE("lists are newest first, by run, by verdict, and cut to a limit") {
  SampleCatalog sample;
  sample.add({.run = "a", .stability = Stability::stable});
  sample.add({.run = "b", .stability = Stability::stable});
  sample.add({.run = "a"});
  sample.add({.run = "a", .stability = Stability::stable});
  using Ids = std::vector<std::int64_t>;
  CHECK(sample.list() == Ids{4, 3, 2, 1});
  CHECK(sample.list("a") == Ids{4, 3, 1});
  CHECK(sample.list({}, Stability::stable) == Ids{4, 2, 1});
  CHECK(sample.list("a", Stability::stable, 1) == Ids{4});
  CHECK(sample.list("c").empty());
}

TEST_CASE("a load finds every blob of a checkpoint in the manifest's order") {
  SampleCatalog sample;
  const CheckpointId id = sample.add({.chunks = {7, 5, 7}});
  const auto blobs = sample.read([&](Connection& c) { return checkpoint_blobs(c, id); });
  REQUIRE(blobs);
  CHECK(blobs->manifest.frame.kind == format::FrameKind::manifest);
  CHECK(blobs->record.frame.kind == format::FrameKind::record);
  REQUIRE(blobs->chunks.size() == 3);
  CHECK(blobs->chunks[0].frame.hash == hash_of(7));
  CHECK(blobs->chunks[1].frame.hash == hash_of(5));
  CHECK(blobs->chunks[2].id == blobs->chunks[0].id);
  CHECK(blobs->chunks[0].refs == 2);
  CHECK_FALSE(sample.read([&](Connection& c) { return checkpoint_blobs(c, CheckpointId{99}); }));
}

TEST_CASE("checkpoints of one structure share a layout, which tells the entries") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.chunks = {1, 2}});
  const CheckpointId second = sample.add({.chunks = {3, 4}});
  const CheckpointId other = sample.add({.chunks = {1, 2, 3}});
  const auto entries = [&](CheckpointId id) {
    return sample.read([&](Connection& c) { return checkpoint_entries(c, id); });
  };
  const std::vector<std::uint64_t> chunks = {1, 2};
  REQUIRE(entries(first).size() == 2);
  CHECK(entries(first)[0] == manifest_of(chunks).entries[0].spec);
  CHECK(entries(first)[1] == manifest_of(chunks).entries[1].spec);
  CHECK(entries(second) == entries(first));
  CHECK(entries(other)[0].shape == std::vector<std::int64_t>{3, 250});
  CHECK(entries(CheckpointId{99}).empty());
  CHECK(sample.number("SELECT count(*) FROM layout") == 2);
}

TEST_CASE("a checkpoint over a blob that is not live is refused and leaves nothing") {
  SampleCatalog sample;
  sample.add({.chunks = {1}});
  sample.tamper("UPDATE blob SET state = 1, refs = 0 WHERE id = 1");
  const Error error = thrown_by([&] { sample.add({.chunks = {1}}); });
  CHECK(error.code() == ErrorCode::internal);
  CHECK(sample.list().size() == 1);
}

TEST_CASE("the sequence number never falls, though checkpoints are forgotten") {
  SampleCatalog sample;
  sample.add({});
  const CheckpointId second = sample.add({});
  sample.add({});
  CHECK(sample.read(next_sequence) == 4);
  sample.write([&](Connection& c) { delete_checkpoints(c, {{second}}); });
  CHECK(sample.read(next_sequence) == 4);
}

}  // namespace
}  // namespace lastgood::test

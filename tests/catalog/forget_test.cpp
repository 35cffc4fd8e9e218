// Deleting, protecting and annotating checkpoints.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

void forget(const SampleCatalog& sample, std::vector<CheckpointId> ids) {
  sample.write([&](Connection& c) { delete_checkpoints(c, ids); });
}

std::vector<std::string> reasons(const SampleCatalog& sample, CheckpointId id) {
  std::vector<std::string> found;
  for (const Protection& one : sample.read(protections)) {
    if (one.checkpoint == id) found.push_back(one.reason);
  }
  return found;
}

std::uint64_t unique_bytes(const SampleCatalog& sample, std::vector<CheckpointId> ids) {
  return sample.read([&](Connection& c) { return bytes_only_in(c, ids); });
}

TEST_CASE("deleting gives every reference back and grafts the children") {
  SampleCatalog sample;
  const CheckpointId root = sample.add({.chunks = {1, 1, 2}});
  const CheckpointId middle = sample.add({.chunks = {1, 2, 2}});
  const CheckpointId other = sample.add({.chunks = {2, 3}});
  const CheckpointId head = sample.add({.chunks = {3}});
  CHECK(sample.row(1).refs == 3);
  CHECK(sample.row(2).refs == 4);
  forget(sample, {middle, other});
  CHECK(sample.row(1).refs == 2);
  CHECK(sample.row(2).refs == 1);
  CHECK(sample.row(3).refs == 1);
  CHECK(sample.info(head).parent == root);
  forget(sample, {root, CheckpointId{99}});
  CHECK_FALSE(sample.info(head).parent);
  CHECK(sample.list() == std::vector<std::int64_t>{head.value});
  CHECK(sample.number("SELECT count(*) FROM checkpoint_blob") == 1);
  CHECK(sample.number("SELECT count(*) FROM layout") == 1);
  CHECK(sample.number("SELECT count(*) FROM layout_entry") == 2);
  CHECK(sample.is_sound());
}

TEST_CASE("metrics and tags go with their checkpoint, and sessions forget it") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.metrics = {{"loss", 1}}});
  sample.write([&](Connection& c) {
    set_tag(c, "best", first, false);
    begin_session(c, {*find_run(c, "demo"), format::Uuid::random(), 1, "host"});
  });
  sample.add({});
  forget(sample, {first});
  CHECK(sample.read(list_tags).empty());
  CHECK(sample.number("SELECT count(*) FROM metric") == 0);
  CHECK_FALSE(sample.read([](Connection& c) { return list_sessions(c, {}); })[0].resumed_from);
}

TEST_CASE("a head is not deleted, and nothing else of the same call is") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({});
  const CheckpointId head = sample.add({});
  const Error error = thrown_by([&] { forget(sample, {first, head}); });
  CHECK(error.code() == ErrorCode::internal);
  CHECK_THAT(error.what(), Catch::Matchers::Contains("the head of run 'demo'"));
  CHECK(sample.list().size() == 2);
}

TEST_CASE("ids of checkpoints are never used twice") {
  SampleCatalog sample;
  sample.add({});
  const CheckpointId last = sample.add({});
  sample.write([&](Connection& c) {
    set_head(c, *find_run(c, "demo"), CheckpointId{1});
    delete_checkpoints(c, {{last}});
  });
  CHECK(sample.add({}).value > last.value);
}

TEST_CASE("bytes of a set are those of blobs that nothing outside of it needs") {
  SampleCatalog sample;
  const CheckpointId a = sample.add({.chunks = {1, 2, 2}});
  const CheckpointId b = sample.add({.chunks = {2, 3}});
  CHECK(unique_bytes(sample, {a}) == 3 * kFrameBytes);  // chunk 1, manifest, record
  CHECK(unique_bytes(sample, {b}) == 3 * kFrameBytes);  // chunk 3, manifest, record
  CHECK(unique_bytes(sample, {a, b, a}) == 7 * kFrameBytes);
  CHECK(unique_bytes(sample, {}) == 0);
}

TEST_CASE("every protected checkpoint is named with its reason") {
  SampleCatalog sample;
  const CheckpointId stable = sample.add({.stability = Stability::stable});
  const CheckpointId branch = sample.add({.stability = Stability::stable});
  sample.write([&](Connection& c) { set_head(c, *find_run(c, "demo"), stable); });
  const CheckpointId plain = sample.add({});
  const CheckpointId head = sample.add({});
  CHECK(reasons(sample, stable) ==
        std::vector<std::string>{"the newest stable in the lineage of the head of run demo"});
  CHECK(reasons(sample, branch) == std::vector<std::string>{"the newest stable of run demo"});
  CHECK(reasons(sample, plain).empty());
  CHECK(reasons(sample, head) == std::vector<std::string>{"the head of run demo"});

  SessionId session;
  sample.write([&](Connection& c) {
    set_tag(c, "best", plain, false);
    set_pinned(c, plain, true);
    set_head(c, *find_run(c, "demo"), plain);
    session = begin_session(c, {*find_run(c, "demo"), format::Uuid::random(), 1, "host"});
    set_head(c, *find_run(c, "demo"), head);
  });
  CHECK(reasons(sample, plain) ==
        std::vector<std::string>{"tagged best", "pinned",
                                 "what the open session " + std::to_string(session.value) + " resumed from"});
  CHECK(sample.info(plain).pinned);
  sample.write([&](Connection& c) {
    delete_tag(c, "best");
    set_pinned(c, plain, false);
    end_session(c, session, SessionState::completed);
  });
  CHECK(reasons(sample, plain).empty());
}

TEST_CASE("the last stable one stands in the head's lineage, is stable and intact") {
  SampleCatalog sample;
  const auto last = [&] { return sample.read([](Connection& c) { return last_stable(c, "demo"); }); };
  CHECK_FALSE(last());
  const CheckpointId first = sample.add({.stability = Stability::stable, .chunks = {1}});
  const CheckpointId second = sample.add({.stability = Stability::stable, .chunks = {2}});
  const CheckpointId third = sample.add({.stability = Stability::unstable, .chunks = {3}});
  CHECK(last() == second);
  sample.write([&](Connection& c) { set_stability(c, third, Stability::stable); });
  CHECK(last() == third);
  sample.write([&](Connection& c) { set_damaged(c, sample.blob(3), true); });
  CHECK(last() == second);
  sample.write([&](Connection& c) { set_head(c, *find_run(c, "demo"), first); });
  CHECK(last() == first);
  sample.write([&](Connection& c) { set_stability(c, first, Stability::unknown); });
  CHECK_FALSE(last());
}

TEST_CASE("a loop of parents in a damaged catalog ends the search") {
  SampleCatalog sample;
  sample.add({});
  sample.add({});
  sample.tamper("UPDATE checkpoint SET parent_id = 2");
  CHECK_FALSE(sample.read([](Connection& c) { return last_stable(c, "demo"); }));
}

TEST_CASE("a tag names one checkpoint, and moves only when told to") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({});
  const CheckpointId second = sample.add({});
  const auto tag = [&](const std::string& name, CheckpointId id, bool move) {
    sample.write([&](Connection& c) { set_tag(c, name, id, move); });
  };
  tag("best", first, false);
  tag("best", first, false);
  tag("a", first, false);
  CHECK(thrown_by([&] { tag("best", second, false); }).code() == ErrorCode::already_exists);
  CHECK(sample.info(first).tags == std::vector<std::string>{"a", "best"});
  tag("best", second, true);
  CHECK(sample.read([](Connection& c) { return find_tag(c, "best"); }) == second);
  CHECK(sample.read(list_tags) == std::vector<std::string>{"a", "best"});
  CHECK_FALSE(sample.read([](Connection& c) { return find_tag(c, "Best"); }));
  bool there = false, gone = true;
  sample.write([&](Connection& c) {
    there = delete_tag(c, "best");
    gone = delete_tag(c, "best");
  });
  CHECK(there);
  CHECK_FALSE(gone);
}

TEST_CASE("nothing is said of a checkpoint that is not there") {
  SampleCatalog sample;
  sample.add({});
  const CheckpointId none{99};
  const auto code_of = [&](auto change) { return thrown_by([&] { sample.write(change); }).code(); };
  CHECK(code_of([&](Connection& c) { set_tag(c, "best", none, true); }) == ErrorCode::not_found);
  CHECK(code_of([&](Connection& c) { set_pinned(c, none, true); }) == ErrorCode::not_found);
  CHECK(code_of([&](Connection& c) { set_stability(c, none, Stability::stable); }) == ErrorCode::not_found);
  CHECK_FALSE(sample.read([&](Connection& c) { return find_checkpoint(c, none); }));
  CHECK_FALSE(sample.read([&](Connection& c) { return checkpoint_uuid(c, none); }));
}

}  // namespace
}  // namespace lastgood::test

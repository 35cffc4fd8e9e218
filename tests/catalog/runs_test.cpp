#include <catch2/catch.hpp>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

RunId run_id(const SampleCatalog& sample, const std::string& name) {
  return sample.read([&](Connection& c) { return find_run(c, name); }).value();
}

TEST_CASE("a run is made once, and found by its name") {
  SampleCatalog sample;
  RunId first, second;
  sample.write([&](Connection& c) {
    first = find_or_create_run(c, "demo");
    second = find_or_create_run(c, "demo");
  });
  CHECK(first == second);
  CHECK(run_id(sample, "demo") == first);
  CHECK_FALSE(sample.read([](Connection& c) { return find_run(c, "Demo"); }));
}

TEST_CASE("names that no run may have are refused") {
  SampleCatalog sample;
  for (const std::string& name : {std::string(), std::string(257, 'x'), std::string("a\nb"), std::string("\xff")}) {
    const Error error = thrown_by([&] { sample.write([&](Connection& c) { find_or_create_run(c, name); }); });
    CHECK(error.code() == ErrorCode::invalid_argument);
  }
  sample.write([](Connection& c) { find_or_create_run(c, std::string(256, 'x')); });
  CHECK(sample.read(catalog::list_runs).size() == 1);
}

TEST_CASE("runs are listed by name with their counts") {
  SampleCatalog sample;
  sample.add({.run = "b"});
  const CheckpointId head = sample.add({.run = "b"});
  sample.session("a");
  const std::vector<RunInfo> runs = sample.read(catalog::list_runs);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].name == "a");
  CHECK_FALSE(runs[0].head);
  CHECK(runs[0].checkpoints == 0);
  CHECK(runs[1].head == head);
  CHECK(runs[1].checkpoints == 2);
  CHECK(runs[1].sessions == 1);
  CHECK(runs[1].created_at_ms > 1'600'000'000'000);
}

TEST_CASE("a head moves within its run, and nowhere else") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.run = "a"});
  sample.add({.run = "a"});
  const CheckpointId foreign = sample.add({.run = "b"});
  const RunId run = run_id(sample, "a");
  const auto move = [&](RunId of, std::optional<CheckpointId> to) {
    sample.write([&](Connection& c) { set_head(c, of, to); });
  };
  move(run, first);
  CHECK(sample.read([&](Connection& c) { return head(c, run); }) == first);
  CHECK(sample.info(first).is_head);
  CHECK(thrown_by([&] { move(run, foreign); }).code() == ErrorCode::invalid_argument);
  CHECK(thrown_by([&] { move(run, CheckpointId{99}); }).code() == ErrorCode::not_found);
  CHECK(thrown_by([&] { move(RunId{99}, {}); }).code() == ErrorCode::not_found);
  move(run, {});
  CHECK_FALSE(sample.read([&](Connection& c) { return head(c, run); }));
}

TEST_CASE("a new session finds its predecessor crashed and remembers what it resumed from") {
  SampleCatalog sample;
  const CheckpointId head = sample.add({});
  const SessionId first = sample.session("demo");
  SessionId second;
  sample.write([&](Connection& c) {
    second = begin_session(c, {*find_run(c, "demo"), format::Uuid::random(), 12, "node7"});
  });
  std::vector<SessionInfo> sessions = sample.read([](Connection& c) { return list_sessions(c, "demo"); });
  REQUIRE(sessions.size() == 2);
  CHECK(sessions[0].id == second);
  CHECK(sessions[0].state == SessionState::open);
  CHECK(sessions[0].resumed_from == head);
  CHECK(sessions[0].pid == 12);
  CHECK(sessions[0].host == "node7");
  CHECK(sessions[0].checkpoints == 0);
  CHECK(sessions[1].id == first);
  CHECK(sessions[1].state == SessionState::crashed);
  CHECK_FALSE(sessions[1].ended_at_ms);
  CHECK(sessions[1].checkpoints == 1);
  CHECK(sample.read([](Connection& c) { return list_sessions(c, "other"); }).empty());
  CHECK(sample.read([](Connection& c) { return list_sessions(c, {}); }).size() == 2);
}

TEST_CASE("a session that ended stays as it ended") {
  SampleCatalog sample;
  const SessionId first = sample.session("demo");
  sample.write([&](Connection& c) {
    end_session(c, first, SessionState::completed);
    begin_session(c, {*find_run(c, "demo"), format::Uuid::random(), 12, "node7"});
  });
  const SessionInfo info = sample.read([](Connection& c) { return list_sessions(c, {}); }).back();
  CHECK(info.state == SessionState::completed);
  CHECK(info.ended_at_ms.value() >= info.started_at_ms);
  const Error error =
      thrown_by([&] { sample.write([](Connection& c) { end_session(c, SessionId{99}, SessionState::completed); }); });
  CHECK(error.code() == ErrorCode::not_found);
  CHECK_THROWS_AS(sample.write([](Connection& c) { begin_session(c, {RunId{99}, {}, 1, ""}); }), Error);
}

TEST_CASE("a rebuilt session is over and of no known process") {
  SampleCatalog sample;
  const format::Uuid uuid = format::Uuid::random();
  sample.write([&](Connection& c) { restore_session(c, find_or_create_run(c, "demo"), uuid, 1234); });
  const SessionInfo info = sample.read([](Connection& c) { return list_sessions(c, {}); }).front();
  CHECK(info.state == SessionState::interrupted);
  CHECK(info.pid == 0);
  CHECK(info.started_at_ms == 1234);
}

TEST_CASE("the store's numbers add up") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.chunks = {1, 2}});
  sample.add({.chunks = {2, 3, 4}});
  StoreStats all = sample.read(stats);
  CHECK(all.runs == 1);
  CHECK(all.sessions == 1);
  CHECK(all.checkpoints == 2);
  CHECK(all.entries == 4);
  CHECK(all.packs == 2);
  CHECK(all.blobs == 8);
  CHECK(all.blobs_damaged == 0);
  CHECK(all.bytes_logical == 5000);
  CHECK(all.bytes_raw == 8000);
  CHECK(all.bytes_stored == 8 * kFrameBytes);
  CHECK(all.bytes_dead == 0);
  CHECK(all.saves_in_flight == 0);
  sample.write([&](Connection& c) {
    delete_checkpoints(c, {{first}});
    set_damaged(c, sample.blob(2), true);
  });
  all = sample.read(stats);
  CHECK(all.bytes_dead == 3 * kFrameBytes);
  CHECK(all.blobs_damaged == 1);
  sample.write([&](Connection& c) { mark_unreferenced(c); });
  all = sample.read(stats);
  CHECK(all.bytes_dead == 3 * kFrameBytes);
  CHECK(all.blobs == 5);
}

}  // namespace
}  // namespace lastgood::test

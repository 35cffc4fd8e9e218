// The frozen stores of tests/golden/ read as they did when they were written.
#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/rebuild.h>
#include <lastgood/session.h>
#include <lastgood/telemetry.h>
#include <lastgood/verify.h>

#include <cmath>

#include <catch2/catch.hpp>

#include "tests/support/sample_state.h"
#include "tests/support/temporary_directory.h"

using namespace lastgood;
using namespace lastgood::test;
namespace fs = std::filesystem;

namespace {

struct Golden {
  TemporaryDirectory dir;
  fs::path path = dir / "store";

  Golden() { fs::copy(fs::path(LASTGOOD_SOURCE_DIR) / "tests/golden/v1", path, fs::copy_options::recursive); }
};

SampleState first_state() {
  SampleState state = sample_state(1);
  state.add("tied", random_bytes(1000, 5)).alias("tied.too", "tied");
  return state;
}

std::vector<float> wave() {
  std::vector<float> wave(100'000);
  for (std::size_t i = 0; i < wave.size(); ++i) wave[i] = static_cast<float>(i % 977) / 1024.0F;
  return wave;
}

SampleState loaded(const Store& store, CheckpointId id) {
  SampleState state = first_state().blank();
  load(store, id, state.slots(), {.strict = false});
  return state;
}

void check_contents(const Store& store) {
  SampleState expected = first_state();
  const std::vector<CheckpointInfo> demo = list_checkpoints(store, {.run = "demo"});
  REQUIRE(demo.size() == 3);
  const CheckpointInfo& first = demo[2];
  CHECK(first.step == 10);
  CHECK(first.digest.hex() == "fcaa6f5ce0c3f914a6935a031e060d82");
  CHECK(first.metadata == R"({"note":"first"})");
  CHECK(loaded(store, first.id) == expected);
  expected["bias"][3] ^= std::byte{1};
  CHECK(loaded(store, demo[1].id) == expected);
  CHECK(demo[1].kind == CheckpointKind::emergency);
  CHECK(std::isinf(demo[1].metrics.at("loss")));
  CHECK(demo[1].parent == first.id);
  expected["bias"][3] ^= std::byte{2};
  CHECK(loaded(store, demo[0].id) == expected);
  CHECK(std::isnan(demo[0].metrics.at("loss")));
  CHECK(demo[0].metrics.at("norm") == 1e-3);
  CHECK(demo[0].is_head);
  CHECK(demo[0].parent == first.id);

  const std::vector<CheckpointInfo> packed = list_checkpoints(store, {.run = "gewöhnlich"});
  REQUIRE(packed.size() == 1);
  CHECK(packed[0].bytes_new < packed[0].bytes_logical);
  const HostEntry entry = load_to_host(store, packed[0].id).at(0);
  CHECK(entry.spec.shape == std::vector<std::int64_t>{100, 1000});
  const std::vector<float> expected_wave = wave();
  CHECK(std::equal(expected_wave.begin(), expected_wave.end(), reinterpret_cast<const float*>(entry.data.get())));
}

}  // namespace

TEST_CASE_METHOD(Golden, "A store of version 1 is intact, and its history and contents are what was saved") {
  const Store store = Store::open(path);
  CHECK(verify(store).ok());
  check_contents(store);
  CHECK(resolve_checkpoint(store, "best").step == 10);
  CHECK(find_checkpoint(store, CheckpointId{2})->pinned);
  CHECK(list_sessions(store, "demo").at(0).state == SessionState::completed);
}

TEST_CASE_METHOD(Golden, "A store of version 1 is read without being changed") {
  check_contents(Store::open_read_only(path));
  CHECK_FALSE(fs::exists(path / "locks"));
}

TEST_CASE_METHOD(Golden, "A store of version 1 has no telemetry to read, and takes it once it is opened for writing") {
  {
    const Store old = Store::open_read_only(path);
    CHECK(list_observations(old, {.run = "demo"}).empty());
    CHECK(list_events(old).empty());
    CHECK(list_recoveries(old).empty());
    CHECK(list_save_costs(old).empty());
  }
  Store store = Store::open(path);
  {
    Session session = store.start_session("demo");
    session.record(Observation{.step = 21, .loss = 1});
  }
  CHECK(list_observations(store, {.run = "demo"}).size() == 1);
  check_contents(Store::open_read_only(path));
  CHECK(verify(store).ok());
}

TEST_CASE_METHOD(Golden, "A store of version 1 goes on: the next save builds on what is there") {
  Store store = Store::open(path);
  Session session = store.start_session("demo", {.chunk_bytes = 64 * 1024});
  const SaveOutcome saved = session.save(first_state().views(), {.step = 30});
  CHECK(saved.ok());
  CHECK(saved.digest.hex() == "fcaa6f5ce0c3f914a6935a031e060d82");
  CHECK(saved.bytes_new < 4096);
  CHECK(verify(store).ok());
}

TEST_CASE_METHOD(Golden, "The packs of version 1 alone give the history back") {
  fs::remove(path / "catalog.db");
  const RebuildReport report = rebuild(path);
  CHECK(report.checkpoints == 4);
  CHECK(report.incomplete.empty());
  check_contents(Store::open(path));
}

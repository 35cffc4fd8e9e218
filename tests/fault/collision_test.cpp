// Two contents of equal hash are two blobs, and each comes back as itself.
#include "tests/fault/harness/collision.h"

#include <catch2/catch.hpp>

#include <lastgood/load.h>
#include <lastgood/verify.h>

#include "store/format/digest.h"
#include "tests/fault/harness/actor.h"

namespace lastgood::test {
namespace {

SessionOptions whole_chunks() {
  return deterministic(1 << 20);
}

/// Saves one entry a content in a session of its own.
CheckpointId save_in(Store& store, const std::string& run, const std::vector<Bytes>& entries) {
  Session session = store.start_session(run, whole_chunks());
  std::vector<TensorView> state;
  for (const Bytes& bytes : entries) {
    TensorView view;
    const std::string name = "e" + std::to_string(state.size());
    view.spec = {Section::model, name, DType::bytes, {static_cast<std::int64_t>(bytes.size())}, ""};
    view.data = bytes.data();
    state.push_back(std::move(view));
  }
  return session.save(state, {}).value();
}

void require_loads(const Store& store, CheckpointId id, const std::vector<Bytes>& entries) {
  const std::vector<HostEntry> found = load_to_host(store, id);
  REQUIRE(found.size() == entries.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    REQUIRE(Bytes(found[i].data.get(), found[i].data.get() + found[i].spec.byte_count()) == entries[i]);
  }
}

/// Both large contents are stored, and nothing is amiss.
void require_two_blobs(const Store& store) {
  REQUIRE(store_stats(store).bytes_stored >= 2u << 20);
  REQUIRE(verify(store).ok());
}

TEST_CASE("the pair is different and has one hash") {
  const Collision pair = build_collision();
  REQUIRE(pair.one != pair.two);
  REQUIRE(format::hash_bytes(pair.one) == format::hash_bytes(pair.two));
}

TEST_CASE("two contents of one hash in one save are two blobs") {
  const Collision pair = build_collision();
  SimulatedDisk disk;
  Process process(disk);
  Store store = open_store(kStore, OpenMode::create, impatient(), process);
  const CheckpointId id = save_in(store, "a", {pair.one, pair.two, pair.one});
  require_loads(store, id, {pair.one, pair.two, pair.one});
  require_two_blobs(store);
}

TEST_CASE("two contents of one hash in two saves of one session are two blobs") {
  const Collision pair = build_collision();
  SimulatedDisk disk;
  Process process(disk);
  Store store = open_store(kStore, OpenMode::create, impatient(), process);
  Session session = store.start_session("a", whole_chunks());
  TensorView view;
  view.spec = {Section::model, "e0", DType::bytes, {1 << 20}, ""};
  view.data = pair.one.data();
  const CheckpointId first = session.save({&view, 1}, {}).value();
  view.data = pair.two.data();
  const CheckpointId second = session.save({&view, 1}, {}).value();
  require_loads(store, first, {pair.one});
  require_loads(store, second, {pair.two});
  require_two_blobs(store);
}

TEST_CASE("two contents of one hash by two sessions of one process are two blobs") {
  const Collision pair = build_collision();
  SimulatedDisk disk;
  Process process(disk);
  Store store = open_store(kStore, OpenMode::create, impatient(), process);
  const CheckpointId first = save_in(store, "a", {pair.one});
  const CheckpointId second = save_in(store, "b", {pair.two});
  require_loads(store, first, {pair.one});
  require_loads(store, second, {pair.two});
  require_two_blobs(store);
}

TEST_CASE("two contents of one hash by two processes are two blobs") {
  const Collision pair = build_collision();
  SimulatedDisk disk;
  CheckpointId first;
  {
    Process process(disk);
    Store store = open_store(kStore, OpenMode::create, impatient(), process);
    first = save_in(store, "a", {pair.one});
  }
  Process process(disk);
  Store store = open_store(kStore, OpenMode::open, impatient(), process);
  const CheckpointId second = save_in(store, "a", {pair.two});
  const CheckpointId third = save_in(store, "a", {pair.two});
  require_loads(store, first, {pair.one});
  require_loads(store, second, {pair.two});
  require_loads(store, third, {pair.two});
  require_two_blobs(store);
  REQUIRE(store_stats(store).bytes_stored < 3u << 20);
}

}  // namespace
}  // namespace lastgood::test

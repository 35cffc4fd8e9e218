// A damaged blob and the way back: a later save brings the same content, and every checkpoint that needs it is whole.
#include <catch2/catch.hpp>

#include <lastgood/gc.h>
#include <lastgood/session.h>
#include <lastgood/verify.h>

#include "store/catalog/blobs.h"
#include "tests/store/simulated_store.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

SaveOutcome save_for_real(const StoreFixture& store, const Bytes& content) {
  SessionOptions options;
  options.chunk_bytes = kChunk;
  options.threads = 1;
  options.staging_bytes = 1u << 20;
  Session session = store.store().start_session("demo", options);
  TensorView view;
  view.spec = {Section::model, "w", DType::bytes, {static_cast<std::int64_t>(content.size())}, ""};
  view.data = content.data();
  SaveRequest request;
  request.step = 9;
  return session.save({&view, 1}, request);
}

}  // namespace

TEST_CASE("a later save of the same content heals every checkpoint that needs it, and gc takes the damaged bytes") {
  SimulatedStore store;
  const Bytes content = random_bytes(4 * kChunk, 1);
  const CheckpointId first = store.save({.step = 1, .entries = {{"w", content}}});
  const CheckpointId second = store.save({.step = 2, .entries = {{"w", content}, {"v", random_bytes(10, 2)}}});
  store.damage(store.chunks(first).at(1));
  CHECK(verify(store.store()).damages.size() == 2);
  CHECK_FALSE(store.info(first).intact);
  const SaveOutcome saved = save_for_real(store, content);
  REQUIRE(saved.ok());
  CHECK(store.info(first).intact);
  CHECK(store.info(second).intact);
  CHECK(store.loads(first));
  CHECK(store.loads(second));
  CHECK(verify(store.store()).ok());
  CHECK(collect_garbage(store.store()).blobs_freed == 1);
  CHECK(verify(store.store()).ok());
}

TEST_CASE("a save of other content heals nothing, and builds on nothing that is damaged") {
  SimulatedStore store;
  const CheckpointId first = store.save({.step = 1, .entries = {{"w", random_bytes(2 * kChunk, 1)}}});
  store.damage(store.chunks(first).at(1));
  verify(store.store());
  const SaveOutcome saved = save_for_real(store, random_bytes(2 * kChunk, 2));
  REQUIRE(saved.ok());
  CHECK_FALSE(store.info(first).intact);
  CHECK(store.info(*saved.checkpoint).intact);
}

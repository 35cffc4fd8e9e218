// The adapter over a real store.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include <lastgood/error.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

#include "tests/support/temporary_directory.h"
#include "tests/torch/memory_checkpoint.h"
#include "tests/torch/trainer.h"

namespace lastgood::test {
namespace {

SaveOutcome save(Session& session, const Trainer& trainer, Step step) {
  const Capture capture = trainer.state.capture();
  return session.save(capture.views(), {.step = step});
}

TEST_CASE("A run that is saved, closed and resumed from its store is the uninterrupted run to the bit") {
  const TemporaryDirectory directory;
  const int stop = GENERATE(1, 6, 7, 10);
  CAPTURE(stop);
  Trainer straight(5);
  const std::vector<float> losses = straight.train(15);
  std::vector<float> resumed;
  {
    Store store = Store::open_or_create(directory.path() / "store");
    Session session = store.start_session("run");
    Trainer first(5);
    resumed = first.train(stop);
    REQUIRE(save(session, first, stop).ok());
  }
  Store store = Store::open(directory.path() / "store");
  Session session = store.start_session("run");
  Trainer second(99);
  second.state.restore(store, session.head().value().id);
  const std::vector<float> rest = second.train(15 - stop);
  resumed.insert(resumed.end(), rest.begin(), rest.end());
  REQUIRE(resumed == losses);
  REQUIRE(MemoryCheckpoint(second.state) == MemoryCheckpoint(straight.state));
}

TEST_CASE("Equal states have equal digests: saved twice, and again after a restore into another trainer") {
  const TemporaryDirectory directory;
  Store store = Store::create(directory.path() / "store");
  Session session = store.start_session("run");
  Trainer trainer(5);
  trainer.train(3);
  const SaveOutcome first = save(session, trainer, 3);
  const SaveOutcome second = save(session, trainer, 4);
  REQUIRE(first.digest == second.digest);
  Trainer other(6);
  REQUIRE_FALSE(save(session, other, 5).digest == first.digest);
  other.state.restore(store, first.value());
  REQUIRE(save(session, other, 6).digest == first.digest);
}

TEST_CASE("A restore from a damaged store is an Error, and the trainer is what it was") {
  const TemporaryDirectory directory;
  Store store = Store::create(directory.path() / "store");
  Session session = store.start_session("run");
  Trainer trainer(5);
  trainer.train(3);
  const CheckpointId checkpoint = save(session, trainer, 3).value();
  trainer.train(2);
  const MemoryCheckpoint before(trainer.state);

  // The second half of the pack: the weights and texts at its front stay whole, so that the load gets under way.
  for (const auto& pack : std::filesystem::directory_iterator(directory.path() / "store" / "blobs")) {
    std::fstream file(pack.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(pack.path()));
    file.seekp(size / 2);
    file << std::string(static_cast<std::size_t>(size / 4), '\x5a');
  }
  try {
    trainer.state.restore(store, checkpoint);
    FAIL("the restore did not fail");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::corruption);
  }
  REQUIRE(MemoryCheckpoint(trainer.state) == before);
  REQUIRE_THROWS_AS(trainer.state.restore(store, CheckpointId{77}), Error);
}

TEST_CASE("An overlapped save holds what was captured, though the trainer goes on once it is staged") {
  const TemporaryDirectory directory;
  Store store = Store::create(directory.path() / "store");
  Session session = store.start_session("run");
  Trainer trainer(5);
  trainer.train(3);
  const MemoryCheckpoint captured(trainer.state);
  const Capture capture = trainer.state.capture();
  SaveHandle handle = session.save_async(capture.views(), {.step = 3}, Staging::overlapped);
  handle.wait_staged();
  trainer.train(2);
  const CheckpointId checkpoint = handle.wait_durable().value();
  trainer.state.restore(store, checkpoint);
  REQUIRE(MemoryCheckpoint(trainer.state) == captured);
}

}  // namespace
}  // namespace lastgood::test

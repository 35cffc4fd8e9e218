#include "store/pipeline/staged_state.h"

#include <atomic>
#include <cerrno>
#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/sample_state.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::pipeline;
using namespace lastgood::test;

namespace {

constexpr std::size_t kChunk = 64 * 1024;

struct Staging {
  explicit Staging(const SampleState& state, std::size_t slots = 3)
      : views(state.views()), plan(plan_chunks(views, kChunk)), arena(kChunk, 0, slots), staged(views, plan, arena) {}

  /// Takes every task in order and compares its copy and digests with `expected`.
  void check_all(SampleState expected) {
    for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
      const StagedState::Copy copy = staged.take(task);
      for (std::size_t i = 0; i < plan.tasks[task].pieces.size(); ++i) {
        const Piece& piece = plan.tasks[task].pieces[i];
        const Bytes& content = expected[views[piece.entry].spec.name];
        const std::span<const std::byte> wanted = std::span(content).subspan(piece.chunk * kChunk, piece.bytes);
        CHECK(std::ranges::equal(copy.slot.bytes().subspan(piece.slot_offset, piece.bytes), wanted));
        CHECK(copy.digests[i].hash == format::hash_bytes(wanted));
      }
    }
  }

  std::vector<TensorView> views;
  ChunkPlan plan;
  StagingArena arena;
  StagedState staged;
};

}  // namespace

TEST_CASE("What nobody has copied is copied when it is taken") {
  const SampleState state = sample_state(1);
  Staging staging(state);
  staging.check_all(state);
}

TEST_CASE("What was copied beforehand is not touched by later changes") {
  SampleState state = sample_state(1);
  Staging staging(state, 64);
  staging.staged.stage_all(2);
  for (const char* name : {"bias", "exact", "large"}) std::ranges::fill(state[name], std::byte{0});
  staging.check_all(sample_state(1));
}

TEST_CASE("Copying with few slots and taking at the same time come to an end, whoever is faster") {
  const SampleState state = sample_state(1);
  for (int round = 0; round < 50; ++round) {
    Staging staging(state, 2);
    std::jthread trainer([&] { staging.staged.stage_all(2); });
    staging.check_all(state);
  }
}

TEST_CASE("Staging while slots are free never waits") {
  const SampleState state = sample_state(1);
  Staging staging(state, 2);
  staging.staged.stage_while_free(1);
  staging.check_all(state);
}

TEST_CASE("Only what is to be copied at capture is copied at capture") {
  SampleState state = sample_state(1);
  state.copied_at_capture("bias");
  Staging staging(state, 8);
  staging.staged.stage_captured();
  state["bias"].assign(40, std::byte{0});
  state["gain"].assign(1, std::byte{7});
  SampleState expected = sample_state(1);
  expected["gain"].assign(1, std::byte{7});
  staging.check_all(expected);
}

TEST_CASE("An abandoned save lets go of those who wait for memory") {
  const SampleState state = sample_state(1);
  Staging staging(state, 1);
  const StagedState::Copy held = staging.staged.take(0);
  std::promise<void> begun;
  std::jthread trainer([&] {
    begun.set_value();
    staging.staged.stage_all(1);
  });
  begun.get_future().wait();
  staging.staged.abandon();
}

TEST_CASE("Without memory for copies the trainer goes on, and the save is told why") {
  const SampleState state = sample_state(1);
  const std::vector<TensorView> views = state.views();
  const ChunkPlan plan = plan_chunks(views, kChunk);
  StagingArena arena(std::size_t{1} << 60, 0, 2);  // more than there are addresses
  StagedState staged(views, plan, arena);
  REQUIRE_NOTHROW(staged.stage_all(2));
  const Error error = thrown_by([&] { staged.take(0); });
  CHECK(error.code() == ErrorCode::io);
  CHECK(error.os_error() == ENOMEM);
}

TEST_CASE("A tensor that changed while it was copied fails the save, by name") {
  const SampleState state = sample_state(1);
  std::vector<TensorView> views = state.views();
  std::atomic<std::uint64_t> version{0};
  views[4].version = [&] { return version.load(); };
  const ChunkPlan plan = plan_chunks(views, kChunk);
  StagingArena arena(kChunk, 0, 64);
  StagedState staged(views, plan, arena);
  const bool beforehand = GENERATE(true, false);
  version = 1;
  if (beforehand) staged.stage_all(1);
  const Error error = thrown_by([&] {
    for (std::size_t task = 0; task < plan.tasks.size(); ++task) staged.take(task);
  });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(error.subject() == "large");
}

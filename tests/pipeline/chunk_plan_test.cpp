#include "store/pipeline/chunk_plan.h"

#include <catch2/catch.hpp>

#include "tests/support/sample_state.h"

using namespace lastgood;
using namespace lastgood::pipeline;
using namespace lastgood::test;

namespace {

constexpr std::uint64_t kChunk = 64 * 1024;

/// Puts the pieces together again, entry by entry.
std::vector<Bytes> reassembled(const ChunkPlan& plan, std::span<const TensorView> views) {
  std::vector<Bytes> contents(views.size());
  for (const Task& task : plan.tasks) {
    for (const Piece& piece : task.pieces) {
      Bytes& content = contents[piece.entry];
      CHECK(piece.chunk * kChunk == content.size());
      const auto* data = static_cast<const std::byte*>(views[piece.entry].data) + piece.offset;
      content.insert(content.end(), data, data + piece.bytes);
    }
  }
  return contents;
}

}  // namespace

TEST_CASE("The pieces of a plan are the state, in order, and each task fits in a slot") {
  SampleState state = sample_state(3);
  const std::vector<TensorView> views = state.views();
  const ChunkPlan plan = plan_chunks(views, kChunk);
  const std::vector<Bytes> contents = reassembled(plan, views);
  for (std::size_t i = 0; i < views.size(); ++i) CHECK(contents[i] == state[views[i].spec.name]);
  std::size_t ordinal = 0;
  for (const Task& task : plan.tasks) {
    CHECK(task.bytes <= kChunk);
    std::size_t end = 0;
    for (const Piece& piece : task.pieces) {
      CHECK(piece.ordinal == ordinal++);
      CHECK(piece.slot_offset >= end);
      CHECK(piece.slot_offset % 64 == 0);
      end = piece.slot_offset + piece.bytes;
    }
    CHECK(end == task.bytes);
  }
  CHECK(plan.chunks == ordinal);
}

TEST_CASE("Small entries share a task, and what is copied at capture comes first, by itself") {
  SampleState state;
  state.add("a", random_bytes(10, 1)).add("b", random_bytes(10, 2)).add("c", random_bytes(10, 3));
  CHECK(plan_chunks(state.views(), kChunk).tasks.size() == 1);
  CHECK(plan_chunks(state.views(), kChunk).captured == 0);
  state.copied_at_capture("b");
  const ChunkPlan plan = plan_chunks(state.views(), kChunk);
  REQUIRE(plan.tasks.size() == 2);
  CHECK(plan.captured == 1);
  REQUIRE(plan.tasks[0].pieces.size() == 1);
  CHECK(plan.tasks[0].pieces[0].ordinal == 1);
  REQUIRE(plan.tasks[1].pieces.size() == 2);
  CHECK(plan.tasks[1].pieces[1].ordinal == 2);
}

TEST_CASE("Aliases and empty entries have no chunks") {
  SampleState state;
  state.add("empty", {}).add("a", random_bytes(10, 1)).alias("b", "a");
  CHECK(plan_chunks(state.views(), kChunk).chunks == 1);
}

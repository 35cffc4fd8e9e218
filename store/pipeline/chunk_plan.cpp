// Small entries share a task, so that a state of thousands of biases is not thousands of turns through slot, hash and
// write. They are still chunks of their own: a task is how work is cut, a chunk how content is named.
#include "store/pipeline/chunk_plan.h"

#include <algorithm>

namespace lastgood::pipeline {
namespace {

constexpr std::size_t kSlotAlignment = 64;

/// Copies begin at cache lines.
std::size_t aligned(std::size_t offset) {
  return (offset + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
}

/// Adds to the last task, or to a new one where it is full or not to be shared (before `first`).
void add(std::vector<Task>& tasks, std::size_t first, Piece piece, std::size_t slot_bytes) {
  const bool joins = tasks.size() > first && aligned(tasks.back().bytes) + piece.bytes <= slot_bytes;
  if (!joins) tasks.emplace_back();
  Task& task = tasks.back();
  piece.slot_offset = aligned(task.bytes);
  task.bytes = piece.slot_offset + piece.bytes;
  task.pieces.push_back(piece);
}

/// The tasks of all entries that are, or are not, copied at capture.
void add_tasks(ChunkPlan& plan, std::span<const TensorView> state, std::uint64_t chunk_bytes, bool copy_at_capture) {
  const std::size_t first = plan.tasks.size();
  std::size_t ordinal = 0;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const TensorView& view = state[i];
    const std::uint64_t total = view.spec.alias_of.empty() ? view.spec.byte_count() : 0;
    // Both passes count the ordinals of all chunks, so that a chunk's number is its place in the manifest.
    for (std::uint64_t done = 0; done < total; done += chunk_bytes, ++ordinal) {
      if (view.copy_at_capture != copy_at_capture) continue;
      Piece piece;
      piece.entry = i;
      piece.chunk = static_cast<std::size_t>(done / chunk_bytes);
      piece.ordinal = ordinal;
      piece.offset = done;
      piece.bytes = static_cast<std::size_t>(std::min(chunk_bytes, total - done));
      add(plan.tasks, first, piece, static_cast<std::size_t>(chunk_bytes));
    }
  }
  plan.chunks = ordinal;
}

}  // namespace

ChunkPlan plan_chunks(std::span<const TensorView> state, std::uint64_t chunk_bytes) {
  ChunkPlan plan;
  add_tasks(plan, state, chunk_bytes, true);
  plan.captured = plan.tasks.size();
  add_tasks(plan, state, chunk_bytes, false);
  return plan;
}

}  // namespace lastgood::pipeline

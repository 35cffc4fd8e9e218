#include "store/pipeline/chunk_plan.h"

#include <algorithm>

namespace lastgood::pipeline {
namespace {

constexpr std::size_t kSlotAlignment = 64;

std::size_t aligned(std::size_t offset) {
  return (offset + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
}

void add(std::vector<Task>& tasks, Piece piece, bool copy_at_capture, std::size_t slot_bytes) {
  const bool joins = !tasks.empty() && tasks.back().copy_at_capture == copy_at_capture &&
                     aligned(tasks.back().bytes) + piece.bytes <= slot_bytes;
  if (!joins) tasks.push_back({.pieces = {}, .bytes = 0, .copy_at_capture = copy_at_capture});
  Task& task = tasks.back();
  piece.slot_offset = aligned(task.bytes);
  task.bytes = piece.slot_offset + piece.bytes;
  task.pieces.push_back(piece);
}

}  // namespace

ChunkPlan plan_chunks(std::span<const TensorView> state, std::uint64_t chunk_bytes) {
  ChunkPlan plan;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const TensorView& view = state[i];
    if (!view.spec.alias_of.empty()) continue;
    const std::uint64_t total = view.spec.byte_count();
    for (std::uint64_t done = 0; done < total; done += chunk_bytes) {
      Piece piece;
      piece.entry = i;
      piece.chunk = static_cast<std::size_t>(done / chunk_bytes);
      piece.ordinal = plan.chunks++;
      piece.data = static_cast<const std::byte*>(view.data) + done;
      piece.bytes = static_cast<std::size_t>(std::min(chunk_bytes, total - done));
      add(plan.tasks, piece, view.copy_at_capture, static_cast<std::size_t>(chunk_bytes));
    }
  }
  return plan;
}

}  // namespace lastgood::pipeline

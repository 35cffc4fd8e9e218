// Cutting a state into tasks: what one thread copies, hashes and writes in one go. Plain values and a pure function.
// Cuts depend on shapes and the chunk size alone, so an unchanged tensor gives the same blobs in every save.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lastgood/tensor.h>

namespace lastgood::pipeline {

/// One chunk of one entry. `ordinal` is the chunk's place in the manifest's order, by which the catalog's rows are
/// numbered.
struct Piece {
  std::size_t entry = 0;     // position in the state
  std::size_t chunk = 0;     // counted within the entry
  std::size_t ordinal = 0;   // counted over the whole state
  std::uint64_t offset = 0;  // within the entry
  std::size_t bytes = 0;
  std::size_t slot_offset = 0;  // where its copy goes in the task's slot
};

/// Neighbouring small chunks together, or one large chunk alone; fits in one slot.
struct Task {
  std::vector<Piece> pieces;
  std::size_t bytes = 0;  // of the slot, gaps included
  bool copy_at_capture = false;
};

struct ChunkPlan {
  std::vector<Task> tasks;
  std::size_t captured = 0;  // how many tasks at the front are copied at capture
  std::size_t chunks = 0;
};

/// Chunks of `chunk_bytes`, aligned to each entry's start; aliases and empty entries have none. Tasks are in the order
/// of the state, but those that are copied at capture come first.
ChunkPlan plan_chunks(std::span<const TensorView> state, std::uint64_t chunk_bytes);

}  // namespace lastgood::pipeline

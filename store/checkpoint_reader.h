// Reading blobs of a checkpoint while others may collect, compact or forget: what load and its relatives share. The
// protocol stands on top of the .cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/load.h>

#include "store/catalog/checkpoints.h"
#include "store/io/pack_reader.h"
#include "store/store_impl.h"

namespace lastgood {

/// A checkpoint as its manifest says, with the places of its blobs at the time of asking. Places may be out of date at
/// any time; read() deals with that.
struct OpenedCheckpoint {
  CheckpointId id;
  format::Manifest manifest;
  std::vector<catalog::Blob> chunks;     // in the manifest's order
  std::vector<std::size_t> first_chunk;  // of each entry
};

/// One chunk to read, and where to. REQUIRES: `out` has just the chunk's bytes. It holds garbage where the read fails.
struct ChunkRead {
  std::size_t entry = 0;
  std::size_t ordinal = 0;
  std::span<std::byte> out;
};

/// Reads checkpoints of one store. Safe from any thread.
class CheckpointReader {
 public:
  explicit CheckpointReader(const StoreImpl& store);

  /// Reads the manifest, and checks it against the digest and the catalog. Throws Error(not_found | corruption | ...).
  OpenedCheckpoint open(CheckpointId id);

  /// Reads and checks one chunk. A place that fails is asked for again as long as it has moved; where it has not, the
  /// blob is damaged: it is set aside, and Error(corruption) names checkpoint, entry and pack. Error(not_found) where
  /// the checkpoint is gone.
  void read(const OpenedCheckpoint& checkpoint, const ChunkRead& chunk);

 private:
  void read_blob(CheckpointId id, catalog::Blob blob, const std::string& what, std::span<std::byte> out);

  const StoreImpl& store_;
  io::PackReader reader_;
};

/// The reads that fill `out` with an entry (not an alias).
void add_reads(const OpenedCheckpoint& checkpoint, std::size_t entry, std::span<std::byte> out,
               std::vector<ChunkRead>& reads);

/// "model/layer.0.weight"
std::string entry_name(const EntrySpec& spec);

}  // namespace lastgood

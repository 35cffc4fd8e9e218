// Which of the checkpoints that a scan found come back in a rebuild, and how whole.
//
// A checkpoint comes back if its record and its manifest read. One that lacks blobs comes back damaged: what is left of
// it stays out of the collector's reach until it is forgotten, and a later save may heal it. But a checkpoint that was
// forgotten and collected must not come back as a wreck, only because its small record shares a block with something
// that lives and was therefore not punched. Two things tell the one from the other:
//   - the old catalog, where it reads: it knows the pack, and not the checkpoint;
//   - the record's pack, where it looks as a collection leaves a pack: something in it is needed by a whole checkpoint,
//     and nothing else in it occupies a block of its own.
// Where neither speaks, it comes back.
//
// The rules are those of FORMAT.md, "A rebuilt catalog". For one thread; `inventory`, `old` and `reader` outlive the
// call.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/inventory.h"
#include "store/old_catalog.h"

namespace lastgood {

/// A chunk of a checkpoint, and where it lies; nowhere, where no pack has it.
struct ChunkSource {
  BlobHash hash;
  std::uint64_t raw_bytes = 0;
  std::optional<FoundBlob> found;
};

struct RestorableCheckpoint {
  format::Record record;  // its parent is the nearest ancestor that comes back, too
  format::Manifest manifest;
  FoundBlob manifest_blob;
  FoundBlob record_blob;
  std::vector<ChunkSource> chunks;  // in the manifest's order
};

/// In words: "run demo, step 125: 3 blobs are missing".
struct RestoreReport {
  std::uint64_t checkpoints = 0;        // that come back
  std::vector<std::string> damaged;     // those of them that lack something
  std::vector<std::string> incomplete;  // that cannot come back
  std::vector<std::string> collected;   // that were forgotten, and of which a collection left the record
};

/// Calls `body` for every checkpoint that comes back, parents first.
RestoreReport for_each_restorable(const Inventory& inventory, const OldCatalog& old, io::PackReader& reader,
                                  const std::function<void(const RestorableCheckpoint&)>& body);

}  // namespace lastgood

// What the two halves of a save share: writing (save.cpp) and committing (save_commit.cpp).
#pragma once

#include <memory>
#include <unordered_set>
#include <vector>

#include "store/save_job.h"

namespace lastgood {

/// What a save holds while it is under way. Destroying it lets the lock go. The lock stands above what it guards, and
/// so goes last.
struct SaveJob::InFlight {
  format::Uuid uuid;
  std::unique_ptr<io::FileLock> lock;
  catalog::SaveId save;
  catalog::PackId pack_id;
  /// Blobs of the parent, pinned with the save's row; the placer takes the set over and adds to it.
  std::unordered_set<std::int64_t> pinned;
  std::unique_ptr<io::PackWriter> pack;
  std::unique_ptr<pipeline::BlobPlacer> placer;
  std::vector<pipeline::OwnBlob> own;  // once all is placed
  /// By ordinal: the chunks in the manifest's order, then the manifest, then the record.
  std::vector<pipeline::Source> sources;
};

}  // namespace lastgood

// A quick look at a checkpoint before others are forgotten for its sake.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "store/catalog/rows.h"
#include "store/io/pack_reader.h"
#include "store/store_impl.h"

namespace lastgood {

/// Looks as deep as verify() at VerifyDepth::structure: packs are there and long enough, frame headers read, manifest
/// and record read and tell what the catalog does. Blobs that several checkpoints share are looked at once. For one
/// thread. A quick look is enough here: forget deletes rows, and what it keeps must at least be there.
class SoundnessCheck {
 public:
  explicit SoundnessCheck(const StoreImpl& store);

  /// What is wrong, in words; nothing where the checkpoint is sound, or gone by now. Marks nothing.
  std::optional<std::string> defect_of(CheckpointId id);

 private:
  const StoreImpl& store_;
  io::PackReader reader_;
  std::set<catalog::BlobId> sound_;
};

}  // namespace lastgood

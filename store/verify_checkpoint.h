// Checking that a checkpoint is what it says: catalog, manifest and record tell the same.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/verify.h>

#include "store/catalog/checkpoints.h"
#include "store/io/pack_reader.h"
#include "store/quarantine.h"
#include "store/store_impl.h"

namespace lastgood {

/// All that the catalog says of one checkpoint, from one snapshot.
struct CheckpointSnapshot {
  CheckpointInfo info;
  format::Uuid uuid;
  catalog::CheckpointBlobs blobs;
  std::vector<EntrySpec> entries;
};
/// Nothing where the checkpoint is gone.
std::optional<CheckpointSnapshot> snapshot_of(const StoreImpl& store, CheckpointId id);

using BadBlobs = std::map<catalog::BlobId, BadBlob>;

/// What a bad blob is to a checkpoint.
struct Role {
  catalog::BlobId blob;
  std::string entry;  // "manifest", "record", "model/layer.0.weight"
  std::string part;   // " in chunk 3 of 7", or empty
};
/// Of each bad blob that the checkpoint needs; a blob that occurs several times in one entry is named there once.
std::vector<Role> roles_of(const CheckpointSnapshot& checkpoint, const BadBlobs& bad);

struct CheckpointFindings {
  std::vector<Damage> damages;  // contradictions
  std::vector<BadBlob> bad;     // manifest and record, where they cannot be read
};

/// Reads manifest and record and compares them with the catalog. A blob that is gone because the checkpoint was
/// forgotten meanwhile is no finding. The snapshot may be old: blobs are looked for where they are now.
/// Throws only what does not tell of damage.
CheckpointFindings check_checkpoint(const StoreImpl& store, io::PackReader& reader,
                                    const CheckpointSnapshot& checkpoint);

}  // namespace lastgood

// Finding damage before a resume does: disks lose bytes silently, and a checkpoint that is never read may be lost for
// months. To be run now and then; safe beside trainers and collections.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/progress.h>
#include <lastgood/store.h>

namespace lastgood {

/// Only `data` finds bytes that changed, and only it takes the mark from blobs that are right again.
enum class VerifyDepth {
  structure,  // catalog, references, manifests, frame headers and sizes of packs: milliseconds
  data,       // and every stored byte against its hash
};

/// Of one checkpoint, only the catalog and what it needs is read; whoever shares its damaged blobs is named as well.
struct VerifyOptions {
  VerifyDepth depth = VerifyDepth::data;
  std::optional<CheckpointId> checkpoint = {};  // the whole store when unset
  unsigned threads = 0;                         // 0: one a core, at most 8
  /// Phases: "verify" by stored bytes, then "checkpoints", of which each is told.
  ProgressFn progress = {};
};

/// One damaged place, for one checkpoint that needs it: a blob that three checkpoints need is three of these.
struct Damage {
  std::optional<CheckpointId> checkpoint;  // unset: damage that no checkpoint needs, or of the catalog as a whole
  std::string entry;                       // "model/layer.0.weight", "manifest", "record", or empty
  std::string pack;                        // the pack's file name, or empty
  std::uint64_t offset = 0;                // of the frame in the pack
  /// "hash mismatch in chunk 3", "pack file is missing". For people; of the catalog itself it begins with "catalog: ".
  std::string what;
};

/// Damage is a finding, the catalog's, too, and never an error. What a collection removed meanwhile is neither. Owns
/// its texts; valid without the store.
struct VerifyReport {
  std::uint64_t checkpoints = 0;
  /// Distinct ones that are still needed, right or not.
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;      // read and checked
  std::vector<Damage> damages;  // by checkpoint, then entry
  bool ok() const noexcept { return damages.empty(); }
};

/// Checks, and where the store is writable marks damaged blobs: a resume passes their checkpoints over, later saves
/// do not build on them, and one that brings the same content heals them. A copy of the damaged bytes is set aside in
/// quarantine/. Blobs found right again lose the mark. Errors: not_found, cancelled, io. Safe from any thread. Also
/// busy, and permission where a pack must not be read. A check that was cancelled has marked nothing; one through a
/// read-only handle never does. A mark that cannot be written (a full disk) is told to StoreOptions::on_warning.
VerifyReport verify(const Store& store, const VerifyOptions& options = {});

}  // namespace lastgood

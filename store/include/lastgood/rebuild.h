// Making a lost or damaged catalog anew from the packs alone. For a store that no handle can open, so it takes a
// directory. Reads every byte of the packs, and needs memory by the number of blobs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <lastgood/progress.h>

namespace lastgood {

/// Of what was found; in a dry run, of what would come back.
struct RebuildReport {
  std::uint64_t packs = 0;
  std::uint64_t blobs = 0;
  std::uint64_t checkpoints = 0;     // back in the catalog
  std::vector<std::string> damaged;  // "run demo, step 125: 3 blobs are missing", those of them that are not whole
  std::vector<std::string>
      incomplete;                      // left out, since a record or manifest does not read; and packs that are strange
  std::vector<std::string> collected;  // left out, since they were forgotten; a collection left only their records
  std::uint64_t damaged_frames = 0;    // whose bytes do not match their hash
  std::string old_catalog;             // where the old one was set aside, or empty
};

/// Scans blobs/, writes a new catalog and sets the old one aside in quarantine/. Runs, checkpoints (with step, metrics,
/// metadata, parents and the stability known at the save) and contents come back, and so may checkpoints forgotten
/// since the last gc; the head of each run is its newest checkpoint. A checkpoint that lacks blobs comes back marked as
/// damaged: a resume passes it over, no gc takes what is left of it, and a save of the same content heals it. Tags,
/// pins, later verdicts and sessions' endings are not in the packs. With `dry_run` only reports. Durable on return;
/// until then the old catalog stays in place. Ids are given anew, in the order of the saves. It takes the store for
/// itself meanwhile: trainers get `busy`.
/// Errors: not_found (no store there), busy (the store is open for writing elsewhere), unsupported_version,
/// invalid_argument (the catalog is a symbolic link), permission, no_space, io, cancelled. A rebuild that fails or is
/// killed can be run again; at no moment is there neither the old catalog, in place or in quarantine/, nor the new one.
RebuildReport rebuild(const std::filesystem::path& directory, bool dry_run = false, const ProgressFn& progress = {});

}  // namespace lastgood

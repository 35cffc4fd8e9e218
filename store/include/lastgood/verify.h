// Finding damage before a resume does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/progress.h>
#include <lastgood/store.h>

namespace lastgood {

enum class VerifyDepth {
  structure,  // catalog, references, manifests, frame headers and sizes of packs: milliseconds
  data,       // and every stored byte against its hash
};

struct VerifyOptions {
  VerifyDepth depth = VerifyDepth::data;
  std::optional<CheckpointId> checkpoint = {};  // the whole store when unset
  unsigned threads = 0;                         // 0: one a core, at most 8
  ProgressFn progress = {};
};

/// One damaged place, for one checkpoint that needs it.
struct Damage {
  std::optional<CheckpointId> checkpoint;  // unset: damage that no checkpoint needs, or of the catalog as a whole
  std::string entry;                       // "model/layer.0.weight", "manifest", "record", or empty
  std::string pack;                        // the pack's file name, or empty
  std::uint64_t offset = 0;                // of the frame in the pack
  std::string what;                        // "hash mismatch in chunk 3", "pack file is missing"
};

struct VerifyReport {
  std::uint64_t checkpoints = 0;
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;      // read and checked
  std::vector<Damage> damages;  // by checkpoint, then entry
  bool ok() const noexcept { return damages.empty(); }
};

/// Checks, and where the store is writable marks damaged blobs: a resume passes their checkpoints over, later saves
/// do not build on them, and one that brings the same content heals them. A copy of the damaged bytes is set aside in
/// quarantine/. Blobs found right again lose the mark. Errors: not_found, cancelled, io. Safe from any thread.
VerifyReport verify(const Store& store, const VerifyOptions& options = {});

}  // namespace lastgood

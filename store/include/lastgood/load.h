// Loading: entries of a checkpoint into memory of the caller's, or into memory that the load brings along.
//
// All or nothing: names, dtypes and shapes are checked before the first byte moves, every byte is checked against its
// hash before it reaches a slot, and a load that throws has written to no slot. It takes no lock: any number of
// processes may load while others save and collect garbage. Safe from any thread.
//
// A checkpoint may be forgotten and collected while it is being loaded: the load then ends in not_found. A load that
// goes wrong never makes a checkpoint worse; damage that it meets is marked, and its bytes are set aside in
// quarantine/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/progress.h>
#include <lastgood/store.h>
#include <lastgood/tensor.h>

namespace lastgood {

/// Where the bytes wait until all of them are known to be right.
enum class LoadStaging {
  /// In memory of the load's own, as much as the slots take. Nothing can tear the caller's state.
  memory,
  /// Nowhere: a first pass checks every byte, a second one reads straight into the slots and checks again. For states
  /// that do not fit in memory twice. A disk that turns bad between the two passes leaves slots half written; the
  /// error then says so.
  verify_first,
};

struct LoadOptions {
  /// Entries of the checkpoint without a slot are an error when strict; a slot without an entry always is.
  bool strict = true;
  /// Strictness and host loads look at this section only.
  std::optional<Section> section = {};
  /// Strictness and host loads look only at names that match one of these patterns (`*` any run, `?` one character).
  std::vector<std::string> patterns = {};
  LoadStaging staging = LoadStaging::memory;
  /// Threads that read and check; 0: one a core, at most 8.
  unsigned threads = 0;
  /// Phase "load"; with verify_first, "check" for the first pass and "load" for the second, which overwrites: where
  /// that one is stopped, the slots are half written.
  ProgressFn progress = {};
};

/// An entry that a host load returns, with memory of its own (an alias shares its owner's). Valid without the store,
/// and as long as any copy of `data` lives. spec.byte_count() bytes, row-major, little-endian.
struct HostEntry {
  EntrySpec spec;
  std::shared_ptr<const std::byte[]> data;
};

/// The entries of a checkpoint, in the order in which they were saved. From the catalog alone: no pack is read. Errors:
/// not_found, corruption (the catalog), busy, io.
std::vector<EntrySpec> entries(const Store& store, CheckpointId checkpoint);

/// Fills the slots. Errors: not_found (the checkpoint, also when it is collected meanwhile), invalid_argument (missing,
/// unexpected, other shape or dtype: the first five by name, the rest counted), corruption (checkpoint, entry and pack
/// named; the blob is marked as damaged where the store is writable), io, cancelled. Further: unsupported_version (a
/// manifest of a newer Lastgood), busy, and io where there is no memory to stage in. REQUIRES: nobody else touches the
/// slots' memory until it returns. On cancelled, as on any error, nothing was written, but for the second pass of
/// LoadStaging::verify_first.
void load(const Store& store, CheckpointId checkpoint, std::span<const TensorSlot> slots,
          const LoadOptions& options = {});

/// Loads what `options` selects into host memory, in the order of the save. `strict` and `staging` mean nothing here.
/// Errors as load(), but for those of slots.
std::vector<HostEntry> load_to_host(const Store& store, CheckpointId checkpoint, const LoadOptions& options = {});

}  // namespace lastgood

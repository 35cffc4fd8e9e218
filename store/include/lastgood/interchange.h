// Exchanging checkpoints with other tools, as safetensors files.
//
// Neither call holds a state in memory: a few chunks per thread, whatever the size. Safe from any thread. Tensors keep
// their bytes: nothing is converted, and floating-point numbers come back to the bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lastgood/checkpoint.h>
#include <lastgood/progress.h>
#include <lastgood/store.h>
#include <lastgood/tensor.h>

namespace lastgood {

struct ExportOptions {
  /// One section, its tensors by their own names; unset: all, each name with its section in front ("model/w").
  std::optional<Section> section = Section::model;
  /// Takes the place of a file that is there.
  bool replace = false;
  bool dry_run = false;  // only tells what would be written: neither reads the tensors nor writes
  unsigned threads = 0;  // 0: one a core, at most 8
  ProgressFn progress = {};
};

struct ExportReport {
  std::uint64_t tensors = 0;
  std::uint64_t aliases = 0;  // written once, under the name of their owner
  std::uint64_t bytes = 0;    // of the file
  bool replaced = false;      // a file that was there
  /// Tensors of a dtype that safetensors does not have (complex32, complex128), written as their bytes: dtype U8, one
  /// dimension. An import gives them back as they were; other tools see the bytes.
  std::vector<std::string> as_bytes;
};

/// Writes a checkpoint to `file`. Every byte is checked against its hash first. Durable on return; until then `file` is
/// what it was before: a temporary beside it takes the bytes, and stays behind only where the process is killed.
/// Tied tensors are written once; `__metadata__` maps the other names to that one, as safetensors.torch's save_model
/// has it. JSON and opaque bytes, such as generators and options, are tensors of dtype U8. What is left out: metrics,
/// verdict, tags and lineage. An import of an export of all sections gives the
/// same entries, and the same digest where the original was saved in chunks of the default size.
/// Errors: already_exists (unless `replace`), not_found, invalid_argument (no such entries, or more than a header
/// holds), corruption (a damaged checkpoint is not exported), no_space, permission, io, cancelled.
ExportReport export_safetensors(const Store& store, CheckpointId checkpoint, const std::filesystem::path& file,
                                const ExportOptions& options = {});

struct ImportOptions {
  /// The checkpoint's step. Unset: the one that an export noted, else 0.
  std::optional<Step> step = {};
  unsigned threads = 0;  // 0: one a core, at most 8
  ProgressFn progress = {};
};

/// Makes `file` a checkpoint of the run (which is made where there is none), of kind `imported`, and the run's head:
/// the next resume continues from it, and the head of before is its parent; rollback() goes back there. Content that
/// the store has already is not written again. Durable on return; after an error there is no checkpoint,
/// but for an error of the session's end, which comes after the commit. A file of
/// other tools becomes section `model`, names as they are; an exported one what it was. The checkpoint's metadata has,
/// as "imported", the file's name, size and hash, and the strings that were in `__metadata__`. REQUIRES: nobody changes
/// the file meanwhile. Errors: not_found (no such file), busy (the run is being trained), corruption (the file is
/// damaged; the message says how), unsupported_version (a dtype that Lastgood does not have), invalid_argument (a
/// pickle of torch.save, with the way to convert it; a file without tensors; names that the store does not take),
/// no_space, permission, io, cancelled.
CheckpointInfo import_safetensors(Store& store, const std::filesystem::path& file, const std::string& run,
                                  const ImportOptions& options = {});

}  // namespace lastgood

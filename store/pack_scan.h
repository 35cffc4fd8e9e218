// Finding the frames of a pack without a catalog. One payload at a time is in memory: at most 64 MiB as stored, and as
// much unpacked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "store/catalog/blobs.h"
#include "store/format/uuid.h"
#include "store/io/file_system.h"

namespace lastgood {

struct PackScan {
  /// Whose content matches its hash, by offset.
  std::vector<catalog::NewBlob> good;
  /// With a whole header and wrong content, by offset. Frames that a collection has punched are left out.
  std::vector<catalog::NewBlob> damaged;
  /// The store that the pack's header names; nothing where the header is damaged.
  std::optional<format::Uuid> store;
};

/// Scans the file of the pack `pack`; `passed` is told the offsets reached, and may throw. `block`: the size in which
/// the file system punches holes. Frames are found by their own headers, also behind damaged ones.
/// Throws Error(unsupported_version) for a pack of a newer format, and Error(invalid_argument) where the file's header
/// names another pack: the file was renamed.
PackScan scan_pack(io::File& file, const format::Uuid& pack, std::uint64_t block,
                   const std::function<void(std::uint64_t)>& passed);

}  // namespace lastgood

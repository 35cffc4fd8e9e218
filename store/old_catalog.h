// What a catalog that is about to be replaced still tells a rebuild. Only what it denies counts: that a checkpoint was
// forgotten is nowhere else, everything it affirms is in the packs.
#pragma once

#include <filesystem>
#include <set>

#include "store/format/uuid.h"
#include "store/io/file_system.h"

namespace lastgood {

/// A copy in memory of two columns; the file is closed when the constructor returns. For one thread.
class OldCatalog {
 public:
  /// Knows nothing.
  OldCatalog() = default;
  /// Reads it, where there is one that reads and passes SQLite's checks and its own; else knows nothing.
  /// Throws Error(unsupported_version) for one of a newer Lastgood, which is not to be replaced.
  OldCatalog(io::FileSystem& files, const std::filesystem::path& store);

  /// True where the pack has a row and the checkpoint, whose record the pack holds, has none: it was forgotten, or its
  /// save never came to an end. A pack without a row says nothing: the catalog may be an older one, put back.
  bool disowns(const format::Uuid& checkpoint, const format::Uuid& pack) const {
    return packs_.contains(pack) && !checkpoints_.contains(checkpoint);
  }

 private:
  void read(io::FileSystem& files, const std::filesystem::path& store);

  std::set<format::Uuid> packs_;
  std::set<format::Uuid> checkpoints_;
};

}  // namespace lastgood

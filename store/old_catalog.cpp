// The catalog that is read here may be the very damage that a rebuild is to repair. So everything it says is dropped
// unless all of it is sound, and no failure to read it stops the rebuild, but one: a newer version's.
#include "store/old_catalog.h"

#include <lastgood/error.h>

#include "store/catalog/catalog.h"
#include "store/catalog/checkpoints.h"
#include "store/catalog/packs.h"
#include "store/paths.h"

namespace lastgood {

OldCatalog::OldCatalog(io::FileSystem& files, const std::filesystem::path& store) {
  const auto info = files.info(paths::catalog(store));
  // SQLite would wait for the writer of a pipe.
  if (!info || info->is_directory || info->is_special) return;
  try {
    read(files, store);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::unsupported_version) throw;
    // Any other failure to read it is what a rebuild is for: the packs alone must do.
    packs_.clear();
    checkpoints_.clear();
  }
}

void OldCatalog::read(io::FileSystem& files, const std::filesystem::path& store) {
  // Waits for nobody: a rebuild has the store to itself, and what a dry run cannot read, it does without.
  const auto catalog =
      catalog::Catalog::open(paths::catalog(store), catalog::Access::read_only,
                             {std::chrono::milliseconds{0}, files.sqlite_vfs(), files.is_local(store)});
  // A half-true catalog would keep checkpoints away that are whole in the packs.
  if (!catalog.integrity_problems().empty()) return;
  catalog.read([&](catalog::Connection& db) {
    for (const format::Uuid& pack : catalog::pack_uuids(db)) packs_.insert(pack);
    for (const format::Uuid& checkpoint : catalog::checkpoint_uuids(db)) checkpoints_.insert(checkpoint);
  });
}

}  // namespace lastgood

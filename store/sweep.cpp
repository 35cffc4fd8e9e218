// Judges, and removes nothing: what becomes of an orphan is the collection's to do (gc_pass.cpp, step 6).
#include "store/sweep.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "store/catalog/packs.h"
#include "store/pack_scan.h"
#include "store/paths.h"
#include "store/query.h"
#include "store/rules.h"

namespace lastgood {

std::optional<format::Uuid> pack_of(const std::string& file_name) {
  constexpr std::string_view kSuffix = ".pack";
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  const auto uuid = format::Uuid::from_hex(std::string_view(file_name).substr(0, file_name.size() - kSuffix.size()));
  // Upper-case digits read as well, but no pack of ours is named so.
  return uuid && paths::pack_name(*uuid) == file_name ? uuid : std::nullopt;
}

std::vector<format::Uuid> find_orphans(const StoreImpl& store) {
  // The order matters: a save commits its pack's row before the file exists, so a file that was listed and has no row
  // afterwards never had one, or has lost it for good. Asked the other way round, a new save's pack would look
  // orphaned.
  std::vector<io::DirectoryEntry> listed;
  if (rules::list_before_asking) listed = store.files->list(paths::blobs(store.directory));
  const auto rows = query(store, [](catalog::Connection& db) { return catalog::pack_uuids(db); });
  if (!rules::list_before_asking) listed = store.files->list(paths::blobs(store.directory));
  const std::set<format::Uuid> known(rows.begin(), rows.end());
  std::vector<format::Uuid> orphans;
  for (const io::DirectoryEntry& entry : listed) {
    const std::optional<format::Uuid> pack = pack_of(entry.name);
    if (!pack || entry.is_directory) {
      store.warn("blobs/" + entry.name + " is not a pack of this store; it was left alone");
    } else if (!known.contains(*pack)) {
      orphans.push_back(*pack);
    }
  }
  return orphans;
}

bool holds_checkpoint(const StoreImpl& store, const format::Uuid& pack) {
  const auto file = store.files->open(paths::pack(store.directory, pack), false);
  if (!file) return false;
  try {
    // The whole pack is read: before bytes go that no catalog knows, that much time is well spent.
    const PackScan scan = scan_pack(*file, pack, store.files->block_bytes(paths::blobs(store.directory)), [](auto) {});
    return std::ranges::any_of(
        scan.good, [](const catalog::NewBlob& blob) { return blob.frame.kind == format::FrameKind::record; });
  } catch (const Error& error) {
    // Of a newer format, or renamed: not ours to judge.
    if (error.code() != ErrorCode::unsupported_version && error.code() != ErrorCode::invalid_argument) throw;
    return true;
  }
}

// 0 for a pack that is gone as well: whoever asks wants to know what can be had back.
std::uint64_t allocated_bytes(const StoreImpl& store, const format::Uuid& pack) {
  const auto file = store.files->open(paths::pack(store.directory, pack), false);
  return file ? file->allocated_bytes() : 0;
}

}  // namespace lastgood

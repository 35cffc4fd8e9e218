// What the files say is all there is to go by: names, headers and contents are checked, and where several disagree,
// what most say or what is whole wins. The result depends on the files alone, not on the order in which a folder lists
// them.
#include "store/inventory.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <tuple>

#include "store/pack_scan.h"
#include "store/paths.h"
#include "store/quarantine.h"
#include "store/sweep.h"

namespace lastgood {

namespace {

struct ScannedPack {
  FoundPack pack;
  std::optional<format::Uuid> store;
};

/// Names first, so that the progress knows its total; then pack by pack.
class Scanner {
 public:
  Scanner(io::FileSystem& files, const std::filesystem::path& store, const ProgressFn& progress)
      : files_(files), folder_(paths::blobs(store)), progress_(progress), block_(files.block_bytes(folder_)) {}

  void scan_all() {
    std::set<format::Uuid> packs;  // sorted: the same files give the same catalog
    for (const io::DirectoryEntry& entry : files_.list(folder_)) {
      const auto pack = pack_of(entry.name);
      // What is not named as a pack is nobody's: the sweep tells of it, a rebuild need not.
      const auto info = pack ? files_.info(folder_ / entry.name) : std::nullopt;
      if (!info || info->is_directory) continue;
      packs.insert(*pack);
      total_ += info->size;
    }
    for (const format::Uuid& pack : packs) scan(pack);
  }

  Inventory result() && {
    inventory_.store = most_named();
    inventory_.block_bytes = block_;
    for (ScannedPack& scanned : scanned_) {
      if (scanned.store && *scanned.store != inventory_.store) {
        inventory_.left_out.push_back("pack " + paths::pack_name(scanned.pack.uuid) + " belongs to another store");
      } else {
        inventory_.damaged_frames += scanned.pack.damaged.size();
        inventory_.packs.push_back(std::move(scanned.pack));
      }
    }
    return std::move(inventory_);
  }

 private:
  /// Good and damaged frames in one list by offset, as rows want it.
  static FoundPack with_damaged(const format::Uuid& pack, const PackScan& scan) {
    const auto by_offset = [](const catalog::NewBlob& a, const catalog::NewBlob& b) { return a.offset < b.offset; };
    FoundPack found{pack};
    std::merge(scan.good.begin(), scan.good.end(), scan.damaged.begin(), scan.damaged.end(),
               std::back_inserter(found.blobs), by_offset);
    for (const catalog::NewBlob& blob : scan.damaged) {
      const auto at = std::lower_bound(found.blobs.begin(), found.blobs.end(), blob, by_offset);
      found.damaged.insert(static_cast<std::size_t>(at - found.blobs.begin()));
    }
    return found;
  }

  void scan(const format::Uuid& pack) {
    const auto file = files_.open(folder_ / paths::pack_name(pack), false);
    // A dry run takes no lock.
    if (!file) return;  // a collection beside a dry run
    try {
      PackScan scan = scan_pack(*file, pack, block_, [&](std::uint64_t offset) { report(offset); });
      scanned_.push_back({with_damaged(pack, scan), scan.store});
    } catch (const Error& error) {
      // A file under another pack's name. Left where it is, and told.
      if (error.code() != ErrorCode::invalid_argument) throw;
      inventory_.left_out.emplace_back(error.what());
    }
    done_ += file->size();
  }

  void report(std::uint64_t offset) {
    if (!progress_ || progress_({"scan", done_ + offset, total_})) return;
    throw Error(ErrorCode::cancelled, folder_.string(), "the rebuild was stopped; the store is as it was");
  }

  /// The store that most packs say they belong to; packs with a damaged header have no say.
  format::Uuid most_named() const {
    std::map<format::Uuid, std::size_t> votes;
    for (const ScannedPack& scanned : scanned_) {
      if (scanned.store) ++votes[*scanned.store];
    }
    if (votes.empty()) return format::Uuid::random();
    const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
    return std::max_element(votes.begin(), votes.end(), fewer)->first;
  }

  io::FileSystem& files_;
  std::filesystem::path folder_;
  const ProgressFn& progress_;
  std::uint64_t block_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::vector<ScannedPack> scanned_;
  Inventory inventory_;
};

/// Its checkpoint is lost, and which one it was is not known: the place is all that can be told.
void name_lost_record(const FoundPack& pack, const catalog::NewBlob& blob, Inventory& inventory) {
  inventory.left_out.push_back("pack " + paths::pack_name(pack.uuid) + ", offset " + std::to_string(blob.offset) +
                               ": the record of a checkpoint is damaged");
}

void read_records(io::PackReader& reader, Inventory& inventory) {
  std::set<format::Uuid> known;
  for (std::size_t p = 0; p < inventory.packs.size(); ++p) {
    FoundPack& pack = inventory.packs[p];
    for (std::size_t b = 0; b < pack.blobs.size(); ++b) {
      const catalog::NewBlob& blob = pack.blobs[b];
      if (blob.frame.kind != format::FrameKind::record) continue;
      if (pack.damaged.contains(b)) {
        name_lost_record(pack, blob, inventory);
        continue;
      }
      try {
        format::Record record = format::decode_record(reader.read({pack.uuid, blob.offset, blob.frame}));
        // A compaction that was cut short leaves a record in two packs.
        if (known.insert(record.checkpoint).second) inventory.records.push_back({std::move(record), {p, b}});
      } catch (const Error& error) {
        if (error.code() != ErrorCode::corruption) throw;
        pack.damaged.insert(b);
        ++inventory.damaged_frames;
        name_lost_record(pack, blob, inventory);
      }
    }
  }
  // The order of the saves, in which every parent comes before its children; the other two only to decide between
  // equals.
  const auto order = [](const FoundRecord& found) {
    return std::tie(found.record.sequence, found.record.created_at_ms, found.record.checkpoint);
  };
  std::sort(inventory.records.begin(), inventory.records.end(),
            [&](const FoundRecord& a, const FoundRecord& b) { return order(a) < order(b); });
}

}  // namespace

// All packs before any record: which store they belong to, and so which of them count, is known only after the last
// one.
Inventory take_inventory(io::FileSystem& files, const std::filesystem::path& store, const ProgressFn& progress) {
  Scanner scanner(files, store, progress);
  scanner.scan_all();
  Inventory inventory = std::move(scanner).result();
  io::PackReader reader(files, paths::blobs(store));
  read_records(reader, inventory);
  return inventory;
}

std::size_t BlobFinder::HashOfHash::operator()(const BlobHash& hash) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, hash.bytes.data(), sizeof(value));
  return value;
}

BlobFinder::BlobFinder(const Inventory& inventory) : inventory_(inventory) {
  for (std::size_t p = 0; p < inventory.packs.size(); ++p) {
    for (std::size_t b = 0; b < inventory.packs[p].blobs.size(); ++b) {
      blobs_.emplace(inventory.packs[p].blobs[b].frame.hash, FoundBlob{p, b});
    }
  }
}

std::optional<FoundBlob> BlobFinder::find(format::FrameKind kind, const BlobHash& hash,
                                          std::optional<std::uint64_t> raw_bytes, std::size_t preferred_pack) const {
  const auto rank = [&](const FoundBlob& blob) {
    const bool damaged = inventory_.packs[blob.pack].damaged.contains(blob.blob);
    return std::tuple(damaged, blob.pack != preferred_pack, blob.pack, blob.blob);
  };
  std::optional<FoundBlob> best;
  const auto [begin, end] = blobs_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const format::FrameHeader& frame = inventory_.packs[it->second.pack].blobs[it->second.blob].frame;
    if (frame.kind != kind || (raw_bytes && frame.raw_bytes != *raw_bytes)) continue;
    if (!best || rank(it->second) < rank(*best)) best = it->second;
  }
  return best;
}

}  // namespace lastgood

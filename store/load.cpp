// A load, step by step:
//
//   1. Ask the catalog, in one snapshot, for the places of everything; read the manifest, check it against the digest.
//   2. Match slots and entries by name, dtype and shape. Nothing has been touched so far.
//   3. Read every chunk and check it against its hash, in memory of the load's own (LoadStaging::memory) or in buffers
//      that are thrown away (verify_first). A place that fails is asked for again in a new snapshot, as long as it
//      moves.
//   4. Only now write to the slots: a copy of what was checked, or a second checked read straight into them.
//
// Nothing is locked and nothing is pinned: a checkpoint that is forgotten and collected under a load ends it with
// not_found. A failure before 4 leaves the slots as they were; in 4, only a second read can fail, and its error says
// that some slots have been overwritten.
#include <lastgood/load.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <lastgood/error.h>

#include "store/checkpoint_reader.h"
#include "store/meter.h"
#include "store/pipeline/parallel.h"
#include "store/query.h"
#include "store/selection.h"

namespace lastgood {
namespace {

constexpr std::size_t kAlignment = 64;

/// Anonymous memory, in large pages where the machine gives them.
/// Not from the heap: pages that no read touches are never there, and go back to the system with the load.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      throw Error(ErrorCode::io, "staging memory",
                  "no memory to stage a load of " + std::to_string(bytes) +
                      " bytes: free some, or load with LoadStaging::verify_first",
                  ENOMEM);
    }
    madvise(memory, bytes, MADV_HUGEPAGE);
    data_ = static_cast<std::byte*>(memory);
  }
  ~Memory() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::span<std::byte> bytes() const noexcept { return {data_, bytes_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

std::uint64_t total_bytes(const std::vector<ChunkRead>& reads) {
  std::uint64_t total = 0;
  for (const ChunkRead& read : reads) total += read.out.size();
  return total;
}

/// Each chunk is checked where it arrives, in `out`; the first failure ends the others.
void read_all(CheckpointReader& reader, const OpenedCheckpoint& checkpoint, const std::vector<ChunkRead>& reads,
              const LoadOptions& options) {
  Meter meter(options.progress, "load", total_bytes(reads));
  pipeline::parallel_for(pipeline::thread_count(options.threads), reads.size(), [&](std::size_t i) {
    reader.read(checkpoint, reads[i]);
    meter.add(reads[i].out.size());
  });
}

/// One slot's memory, and what belongs there.
struct Target {
  std::size_t entry = 0;
  std::span<std::byte> out;
};

/// Slots without bytes have nothing to wait for.
std::vector<Target> targets(std::span<const TensorSlot> slots, const std::vector<std::size_t>& entries) {
  std::vector<Target> targets;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto bytes = static_cast<std::size_t>(slots[i].spec.byte_count());
    if (bytes != 0) targets.push_back({entries[i], {static_cast<std::byte*>(slots[i].data), bytes}});
  }
  return targets;
}

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// All chunks of all slots are known to be right before the first byte is copied to one. Costs a second copy of the
/// state in memory while it runs.
void load_staged(CheckpointReader& reader, const OpenedCheckpoint& checkpoint, const std::vector<Target>& targets,
                 const LoadOptions& options) {
  std::size_t total = 0;
  // Each slot's copy begins at a cache line of its own, so threads at two slots do not share one.
  for (const Target& target : targets) total += aligned(target.out.size());
  const Memory memory(total);
  std::vector<ChunkRead> reads;
  std::vector<std::span<std::byte>> to;  // where each read's bytes go in the end
  std::size_t used = 0;
  for (const Target& target : targets) {
    const std::size_t first = reads.size();
    add_reads(checkpoint, target.entry, memory.bytes().subspan(used, target.out.size()), reads);
    std::span<std::byte> rest = target.out;
    for (std::size_t i = first; i < reads.size(); ++i) {
      to.push_back(rest.first(reads[i].out.size()));
      rest = rest.subspan(reads[i].out.size());
    }
    used += aligned(target.out.size());
  }
  read_all(reader, checkpoint, reads, options);
  pipeline::parallel_for(pipeline::thread_count(options.threads), reads.size(),
                         [&](std::size_t i) { std::memcpy(to[i].data(), reads[i].out.data(), to[i].size()); });
}

/// Memory is a chunk per thread. The second pass checks again, as the disk is read again.
void load_in_two_passes(CheckpointReader& reader, const OpenedCheckpoint& checkpoint,
                        const std::vector<Target>& targets, const LoadOptions& options) {
  std::vector<ChunkRead> reads;
  for (const Target& target : targets) add_reads(checkpoint, target.entry, target.out, reads);
  Meter meter(options.progress, "check", total_bytes(reads));
  pipeline::parallel_for(pipeline::thread_count(options.threads), reads.size(), [&](std::size_t i) {
    std::vector<std::byte> scratch(reads[i].out.size());
    reader.read(checkpoint, {reads[i].entry, reads[i].ordinal, scratch});
    meter.add(scratch.size());
  });
  // Nothing can be undone here, so the user must hear that the state is no longer what it was.
  try {
    read_all(reader, checkpoint, reads, options);
  } catch (const Error& error) {
    throw Error(error.code(), error.subject(),
                std::string(error.what()) +
                    "\nAll was right a moment ago, so some of the state has been overwritten "
                    "already: load another checkpoint, or leave the state aside",
                error.os_error());
  }
}

}  // namespace

std::vector<EntrySpec> entries(const Store& store, CheckpointId checkpoint) {
  return query(store, [&](catalog::Connection& db) {
    require_checkpoint(db, checkpoint);
    return catalog::checkpoint_entries(db, checkpoint);
  });
}

void load(const Store& store, CheckpointId checkpoint, std::span<const TensorSlot> slots, const LoadOptions& options) {
  CheckpointReader reader(store.impl());
  const OpenedCheckpoint opened = reader.open(checkpoint);
  const std::vector<Target> wanted = targets(slots, match_slots(opened.manifest, slots, options));
  if (options.staging == LoadStaging::memory) {
    load_staged(reader, opened, wanted, options);
  } else {
    load_in_two_passes(reader, opened, wanted, options);
  }
}

std::vector<HostEntry> load_to_host(const Store& store, CheckpointId checkpoint, const LoadOptions& options) {
  CheckpointReader reader(store.impl());
  const OpenedCheckpoint opened = reader.open(checkpoint);
  const std::vector<std::size_t> owner = owners(opened.manifest);
  std::vector<std::shared_ptr<std::byte[]>> memory(owner.size());
  std::vector<ChunkRead> reads;
  std::vector<HostEntry> loaded;
  for (std::size_t i = 0; i < owner.size(); ++i) {
    const EntrySpec& spec = opened.manifest.entries[i].spec;
    if (!selects(options, spec)) continue;
    std::shared_ptr<std::byte[]>& bytes = memory[owner[i]];
    if (!bytes) {
      const auto size = static_cast<std::size_t>(spec.byte_count());
      // Not set to zero: every byte is read, or nothing is returned.
      bytes = std::make_shared_for_overwrite<std::byte[]>(size);
      add_reads(opened, owner[i], {bytes.get(), size}, reads);
    }
    loaded.push_back({spec, bytes});
  }
  read_all(reader, opened, reads, options);
  return loaded;
}

}  // namespace lastgood

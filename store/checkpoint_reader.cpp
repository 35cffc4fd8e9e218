// How a blob is read, without a lock and without a pin:
//   1. At the place that the catalog gave when the checkpoint was opened.
//   2. On wrong bytes or a missing pack, ask again in a new read transaction. The checkpoint gone: not_found, since it
//      was forgotten and collected meanwhile.
//   3. The place another one: a compaction has moved the blob, read there. Without a limit, as any number of them may
//      pass.
//   4. The place the same: the blob is damaged. It is marked and set aside, and the load fails.
#include "store/checkpoint_reader.h"

#include <algorithm>
#include <utility>

#include <lastgood/command_line.h>
#include <lastgood/error.h>

#include "store/catalog/blobs.h"
#include "store/paths.h"
#include "store/quarantine.h"
#include "store/query.h"
#include "store/rules.h"

namespace lastgood {
namespace {

Error damaged(CheckpointId id, const std::string& what, const Error& cause) {
  return Error(ErrorCode::corruption, std::to_string(id.value),
               "checkpoint " + std::to_string(id.value) + ", " + what + ": " + cause.what());
}

}  // namespace

std::string entry_name(const EntrySpec& spec) {
  return std::string(to_string(spec.section)) + "/" + spec.name;
}

CheckpointReader::CheckpointReader(const StoreImpl& store)
    : store_(store), reader_(*store.files, paths::blobs(store.directory)) {}

// From one snapshot, so that manifest and chunks are those of one moment. What changes afterwards is met in
// read_blob().
OpenedCheckpoint CheckpointReader::open(CheckpointId id) {
  auto blobs = query(store_, [&](catalog::Connection& db) {
    require_checkpoint(db, id);
    return catalog::checkpoint_blobs(db, id);
  });
  const catalog::Blob& manifest = blobs->manifest;
  // The length is the catalog's word, which may be damaged: capped before it is allocated.
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(manifest.frame.raw_bytes, format::kMaxPayload)));
  read_blob(id, manifest, "manifest", bytes);
  OpenedCheckpoint opened{id, format::decode_manifest(bytes), std::move(blobs->chunks), {}};
  std::size_t chunks = 0;
  for (const format::ManifestEntry& entry : opened.manifest.entries) {
    opened.first_chunk.push_back(chunks);
    for (const BlobHash& hash : entry.chunks) {
      // The manifest says what the checkpoint is, the catalog only where it lies: where they differ, neither is guessed
      // at.
      const bool same = chunks < opened.chunks.size() && opened.chunks[chunks].frame.hash == hash;
      if (!same) {
        throw Error(ErrorCode::corruption, std::to_string(id.value),
                    "checkpoint " + std::to_string(id.value) + ", " + entry_name(entry.spec) +
                        ": the catalog and the manifest disagree; run `" + command_line(store_.directory, "verify") +
                        "`, then `" + command_line(store_.directory, "rebuild") + "`");
      }
      ++chunks;
    }
  }
  return opened;
}

void CheckpointReader::read(const OpenedCheckpoint& checkpoint, const ChunkRead& chunk) {
  const catalog::Blob& blob = checkpoint.chunks[chunk.ordinal];
  const std::string name = entry_name(checkpoint.manifest.entries[chunk.entry].spec);
  if (blob.frame.raw_bytes != chunk.out.size()) {
    throw Error(ErrorCode::corruption, std::to_string(checkpoint.id.value),
                "checkpoint " + std::to_string(checkpoint.id.value) + ", " + name +
                    ": the catalog and the manifest disagree on a chunk's size");
  }
  read_blob(checkpoint.id, blob, name, chunk.out);
}

void CheckpointReader::read_blob(CheckpointId id, catalog::Blob blob, const std::string& what,
                                 std::span<std::byte> out) {
  for (;;) {
    try {
      return reader_.read({blob.place.pack_uuid, blob.place.offset, blob.frame}, out);
    } catch (const Error& error) {
      if (!tells_of_damage(error)) throw;
      std::optional<catalog::Blob> now = blob;
      if (rules::ask_again) {
        now = query(store_, [&](catalog::Connection& db) {
          require_checkpoint(db, id);
          return catalog::find_blob(db, blob.id);
        });
      }
      if (!now || now->place == blob.place) {
        const BadBlob bad{blob, error.what()};
        set_aside(store_, reader_, {&bad, 1});
        throw damaged(id, what, error);
      }
      blob = *now;  // compaction has moved it
    }
  }
}

void add_reads(const OpenedCheckpoint& checkpoint, std::size_t entry, std::span<std::byte> out,
               std::vector<ChunkRead>& reads) {
  std::size_t ordinal = checkpoint.first_chunk[entry];
  const std::size_t chunk_bytes = static_cast<std::size_t>(checkpoint.manifest.chunk_bytes);
  while (!out.empty()) {
    const std::size_t size = std::min(out.size(), chunk_bytes);
    reads.push_back({entry, ordinal++, out.first(size)});
    out = out.subspan(size);
  }
}

}  // namespace lastgood

// A blob that reads wrong is not damaged yet (FORMAT.md, "The protocol", rule 13): a compaction may have moved it, or a
// collection removed it.
//   1. Read at the place that the catalog gave.
//   2. On wrong bytes or a missing pack, ask the catalog again in a new read transaction.
//   3. Gone or DEAD: nobody needs it, no damage. At another place: read there, from 1, without limit, as any number of
//      compactions may pass by. Where it was: damage.
#include "store/verify_blobs.h"

#include "store/catalog/blobs.h"
#include "store/extents.h"
#include "store/paths.h"
#include "store/pipeline/parallel.h"
#include "store/query.h"

namespace lastgood {

namespace {

using catalog::Blob;

/// What is wrong with the blob at the place that its row names; nothing where it is right.
std::optional<std::string> find_defect(const StoreImpl& store, io::PackReader& reader, const Blob& blob,
                                       VerifyDepth depth) {
  const io::FrameRef frame{blob.place.pack_uuid, blob.place.offset, blob.frame};
  const char* otherwise = "frame header is damaged";
  try {
    reader.check_header(frame);
    otherwise = "hash mismatch";
    // The header too, though no load reads it: a rebuild has nothing else to go by.
    if (depth == VerifyDepth::data) reader.read(frame);
  } catch (const Error& error) {
    if (!tells_of_damage(error)) throw;
    return explain(store, blob, error, otherwise);
  }
  // A header that reads says nothing of a file that ends behind it.
  const auto info = store.files->info(paths::pack(store.directory, blob.place.pack_uuid));
  if (depth == VerifyDepth::structure && info && info->size < extent_of(blob).end) return "pack is cut short";
  return std::nullopt;
}

}  // namespace

std::optional<Blob> ask_again(const StoreImpl& store, const Blob& blob) {
  const auto now = query(store, [&](catalog::Connection& db) { return catalog::find_blob(db, blob.id); });
  return now && now->state == catalog::BlobState::live ? now : std::nullopt;
}

std::string explain(const StoreImpl& store, const Blob& blob, const Error& error, const char* otherwise) {
  const auto info = store.files->info(paths::pack(store.directory, blob.place.pack_uuid));
  if (!info) return "pack file is missing";
  if (info->is_directory || info->is_special) return "something that is no file stands in the pack's place";
  if (info->size < extent_of(blob).end) return "pack is cut short";
  return error.code() == ErrorCode::io ? error.what() : otherwise;
}

void BlobChecker::check(std::span<const Blob> blobs) {
  pipeline::parallel_for(pipeline::thread_count(options_.threads), blobs.size(),
                         [&](std::size_t i) { check_one(blobs[i]); });
}

// Runs on several threads; everything but the result is this call's own.
void BlobChecker::check_one(const Blob& blob) {
  Blob seen = blob;
  std::optional<std::string> defect;
  bool needed = true;
  while (needed && (defect = find_defect(store_, reader_, seen, options_.depth))) {
    const std::optional<Blob> now = ask_again(store_, seen);
    needed = now.has_value();
    if (needed && now->place == seen.place) break;
    if (needed) seen = *now;
  }
  const std::lock_guard lock(mutex_);
  if (needed) {
    ++result_.blobs;
    if (defect) {
      result_.bad.push_back({seen, *defect});
    } else if (seen.damaged && options_.depth == VerifyDepth::data) {
      result_.recovered.push_back(seen);
    }
  }
  // Blobs that vanished count as well, or the progress would never reach its total.
  if (options_.depth == VerifyDepth::data) result_.bytes += blob.frame.stored_bytes;
  if (options_.progress && !options_.progress({"verify", result_.bytes, bytes_total_})) {
    throw Error(ErrorCode::cancelled, store_.directory.string(), "the check was stopped; nothing was changed");
  }
}

}  // namespace lastgood

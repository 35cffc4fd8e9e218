// The mark comes first, since it is what protects: from its commit on, no save builds on the blob. The copy is for
// study alone, so nothing waits for it and its failure stops nothing. Nothing is taken away here.
#include "store/quarantine.h"

#include <cerrno>
#include <vector>

#include "store/catalog/blobs.h"
#include "store/paths.h"

namespace lastgood {

namespace {

using catalog::Blob;

/// In the transaction that sets the mark: a blob that was moved or healed since must not get one.
void set_mark(catalog::Connection& db, const Blob& blob, bool damaged) {
  const std::optional<Blob> now = catalog::find_blob(db, blob.id);
  const bool same = now && now->state == catalog::BlobState::live && now->place == blob.place;
  if (same && now->damaged != damaged) catalog::set_damaged(db, blob.id, damaged);
}

/// Reports what fails as a warning; false then.
template <class Action>
bool try_to(const StoreImpl& store, const std::string& what, const Action& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    store.warn("cannot " + what + ": " + error.what());
    return false;
  }
}

void copy_to_quarantine(const StoreImpl& store, io::PackReader& reader, const Blob& blob) {
  const auto folder = paths::quarantine(store.directory);
  const auto target = folder / (blob.place.pack_uuid.hex() + "-" + std::to_string(blob.place.offset) + ".frame");
  // A place never gets other content, so one copy tells it all. A copy that was cut short stays as it is: it is for
  // study.
  if (store.files->info(target)) return;
  const auto bytes = reader.read_unchecked({blob.place.pack_uuid, blob.place.offset, blob.frame});
  if (bytes.empty()) return;
  const auto file = store.files->create(target);
  io::write_all(*file, 0, bytes);
  file->sync_data();
  store.files->sync_directory(folder);
}

}  // namespace

bool tells_of_damage(const Error& error) {
  switch (error.code()) {
    case ErrorCode::corruption: return true;  // but not unsupported_version: what a newer Lastgood wrote is whole
    case ErrorCode::io:
      // EISDIR and ESPIPE: something that is no file stands in a pack's place. EIO: the device; EUCLEAN and EBADMSG:
      // the file system's own structure or checksums; EREMOTEIO: the device behind a network. Whatever else io stands
      // for is the process's or the machine's trouble, and says nothing of the bytes.
      return error.os_error() == EISDIR || error.os_error() == ESPIPE || error.os_error() == EIO ||
             error.os_error() == EUCLEAN || error.os_error() == EBADMSG || error.os_error() == EREMOTEIO;
    default: return false;
  }
}

void set_aside(const StoreImpl& store, io::PackReader& reader, std::span<const BadBlob> blobs) {
  if (store.read_only || blobs.empty()) return;
  try_to(store, "mark damaged blobs", [&] {
    store.use_for_writing().write(catalog::Durability::durable, [&](catalog::Connection& db) {
      for (const BadBlob& bad : blobs) set_mark(db, bad.blob, true);
    });
  });
  for (const BadBlob& bad : blobs) {
    // One failure is enough: where the disk is full, the next copy would fail too.
    if (!try_to(store, "set damaged bytes aside", [&] { copy_to_quarantine(store, reader, bad.blob); })) return;
  }
}

void clear_marks(const StoreImpl& store, std::span<const Blob> blobs) {
  if (store.read_only || blobs.empty()) return;
  store.use_for_writing().write(catalog::Durability::durable, [&](catalog::Connection& db) {
    for (const Blob& blob : blobs) set_mark(db, blob, false);
  });
}

}  // namespace lastgood

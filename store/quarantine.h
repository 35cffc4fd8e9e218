// What happens to a damaged blob: a mark in the catalog, and a copy of its bytes for study. Nothing is ever deleted for
// being damaged. Safe from any thread.
//
// The mark keeps new saves from building on the blob, shows its checkpoints as not intact, and lets a save that brings
// the same content heal it.
#pragma once

#include <span>
#include <string>

#include <lastgood/error.h>

#include "store/catalog/rows.h"
#include "store/io/pack_reader.h"
#include "store/store_impl.h"

namespace lastgood {

/// A LIVE blob whose bytes are not what its hash says, at a place that the catalog has confirmed.
struct BadBlob {
  catalog::Blob blob;
  std::string what;  // "pack file is missing"
};

/// True where the error tells of bytes that are wrong or that the disk cannot give back, and not of a process that is
/// out of descriptors or memory, or may not read.
bool tells_of_damage(const Error& error);

/// Marks those that are still LIVE where they were found, in one durable commit, and copies the bytes of each, once, to
/// quarantine/<pack>-<offset>.frame. What cannot be done (a full disk) is a warning: the finding must still be told.
/// Does nothing on a read-only handle.
void set_aside(const StoreImpl& store, io::PackReader& reader, std::span<const BadBlob> blobs);

/// Takes the mark from blobs that were found right, where they are still LIVE in that place.
void clear_marks(const StoreImpl& store, std::span<const catalog::Blob> blobs);

}  // namespace lastgood

// Turning an inventory of packs into the rows of a new catalog.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/catalog/checkpoints.h"
#include "store/inventory.h"

namespace lastgood {

/// A checkpoint all of whose blobs are there.
struct CompleteCheckpoint {
  format::Record record;  // its parent is the nearest ancestor that is complete too
  format::Manifest manifest;
  FoundBlob manifest_blob;
  FoundBlob record_blob;
  std::vector<FoundBlob> chunks;  // in the manifest's order
};

/// Calls `body` for every complete checkpoint, parents first. Returns the others, in words.
std::vector<std::string> for_each_complete(const Inventory& inventory, io::PackReader& reader,
                                           const std::function<void(const CompleteCheckpoint&)>& body);

/// Writes packs, blobs, runs, sessions and complete checkpoints into an empty catalog, in a transaction of the
/// caller's. Blobs that no checkpoint needs get rows too: the next collection frees them. Returns what
/// for_each_complete() does.
std::vector<std::string> restore(catalog::Connection& db, const Inventory& inventory, io::PackReader& reader);

}  // namespace lastgood

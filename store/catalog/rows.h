// Row types that several topics of the catalog share. Plain values, snapshots of the transaction that read them.
#pragma once

#include <cstdint>
#include <string>

#include <lastgood/ids.h>

#include "store/format/frame.h"
#include "store/format/uuid.h"

namespace lastgood::catalog {

using BlobId = Id<struct BlobTag>;
using PackId = Id<struct PackTag>;
using SaveId = Id<struct SaveTag>;

/// Where a frame lies. Two places are equal only where no compaction came between the looks: this is how a move is
/// noticed.
struct Place {
  PackId pack;
  format::Uuid pack_uuid;
  std::uint64_t offset = 0;  // of the frame's header
  bool operator==(const Place&) const = default;
};

/// LIVE blobs may be matched and are kept while referenced or pinned; DEAD ones never come back.
enum class BlobState : std::uint8_t { live = 0, dead = 1 };

/// REQUIRES of who reads by it: lengths were checked against the format's caps, the content was not checked at all.
struct Blob {
  BlobId id;
  Place place;
  format::FrameHeader frame;  // as the frame's header should read
  BlobState state = BlobState::live;
  bool damaged = false;
  std::int64_t refs = 0;
};

}  // namespace lastgood::catalog

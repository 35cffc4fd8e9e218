#include "store/catalog/blob_rows.h"

#include "store/catalog/connection.h"

namespace lastgood::catalog {

Blob read_blob(const Statement& row) {
  Blob blob;
  blob.id = row.id<BlobId>(0);
  blob.place = {row.id<PackId>(1), row.uuid(2), row.count(3)};
  blob.frame.kind = row.enumerator(4, format::FrameKind::chunk, format::FrameKind::record);
  blob.frame.codec = row.enumerator(5, format::Codec::raw, format::Codec::planes);
  // The catalog may be hostile or damaged, and memory is allocated by these two.
  blob.frame.raw_bytes = row.count_up_to(6, format::kMaxPayload);
  blob.frame.stored_bytes = row.count_up_to(7, format::kMaxPayload);
  blob.frame.hash = row.hash(8);
  blob.state = row.enumerator(9, BlobState::live, BlobState::dead);
  blob.damaged = row.boolean(10);
  blob.refs = static_cast<std::int64_t>(row.count(11));
  return blob;
}

}  // namespace lastgood::catalog

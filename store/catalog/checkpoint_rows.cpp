// Words of the views are turned back into enumerators. A word that is none of ours is damage and not "unknown": nothing
// that this library wrote has it.
#include "store/catalog/checkpoint_rows.h"

#include "store/catalog/connection.h"

namespace lastgood::catalog {
namespace {

CheckpointKind kind_of(Connection& db, std::string_view name) {
  for (const CheckpointKind kind :
       {CheckpointKind::regular, CheckpointKind::emergency, CheckpointKind::manual, CheckpointKind::imported}) {
    if (name == to_string(kind)) return kind;
  }
  db.corrupt("the checkpoint kind '" + std::string(name) + "'");
}

Stability stability_of(Connection& db, std::string_view name) {
  for (const Stability stability : {Stability::unknown, Stability::stable, Stability::unstable}) {
    if (name == to_string(stability)) return stability;
  }
  db.corrupt("the stability '" + std::string(name) + "'");
}

BlobHash digest_of(Connection& db, std::string_view text) {
  const auto digest = BlobHash::from_hex(text);
  if (!digest) db.corrupt("a digest of the wrong length");
  return *digest;
}

/// By the key of metric and by tag_checkpoint: two look-ups for each checkpoint of a list.
void read_metrics_and_tags(Connection& db, CheckpointInfo& info) {
  Statement metrics(db, "SELECT name, value FROM metric WHERE checkpoint_id = ?1", info.id);
  while (metrics.step()) info.metrics.emplace(metrics.text(0), metrics.real(1));
  Statement tags(db, "SELECT name FROM tag WHERE checkpoint_id = ?1 ORDER BY name", info.id);
  while (tags.step()) info.tags.emplace_back(tags.text(0));
}

}  // namespace

CheckpointInfo read_checkpoint(Connection& db, const Statement& row) {
  CheckpointInfo info;
  info.id = row.id<CheckpointId>(0);
  info.run = row.text(1);
  info.session = row.id<SessionId>(2);
  info.parent = row.optional_id<CheckpointId>(3);
  info.step = static_cast<Step>(row.count(4));
  info.epoch = row.integer(5);
  info.kind = kind_of(db, row.text(6));
  info.stability = stability_of(db, row.text(7));
  info.is_head = row.boolean(8);
  info.pinned = row.boolean(9);
  info.intact = row.boolean(10);
  info.created_at_ms = row.integer(11);
  info.digest = digest_of(db, row.text(12));
  info.entries = row.count(13);
  info.bytes_logical = row.count(14);
  info.bytes_new = row.count(15);
  info.metadata = row.text(16);
  read_metrics_and_tags(db, info);
  return info;
}

}  // namespace lastgood::catalog

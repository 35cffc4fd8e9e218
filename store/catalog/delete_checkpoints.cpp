// Rows go in this order: references are given back while the rows that name them are there; children get another parent
// before a key would lead nowhere; then the checkpoint and what hangs on it. All of it is in the caller's one
// transaction, so a cut leaves either everything or nothing done.
#include "store/catalog/checkpoints.h"
#include "store/catalog/connection.h"
#include "store/catalog/layouts.h"

namespace lastgood::catalog {
namespace {

void refuse_head(Connection& db, CheckpointId id) {
  Statement query(db, "SELECT name FROM run WHERE head = ?1", id);
  if (!query.step()) return;
  throw Error(ErrorCode::internal, std::to_string(id.value),
              "checkpoint " + std::to_string(id.value) + " is the head of run '" + std::string(query.text(0)) +
                  "' and must stay");
}

void give_back_references(Connection& db, CheckpointId id) {
  Statement(db,
            "UPDATE blob SET refs = refs - used.n FROM (SELECT blob_id, count(*) AS n FROM ("
            "  SELECT blob_id FROM checkpoint_blob WHERE checkpoint_id = ?1"
            "  UNION ALL SELECT manifest_blob FROM checkpoint WHERE id = ?1"
            "  UNION ALL SELECT record_blob FROM checkpoint WHERE id = ?1) GROUP BY blob_id) AS used "
            "WHERE blob.id = used.blob_id",
            id)
      .run();
}

// By checkpoint_parent. Lineages stay whole, so a rollback finds its way past what was forgotten.
void graft_children(Connection& db, CheckpointId id) {
  Statement(
      db, "UPDATE checkpoint SET parent_id = (SELECT parent_id FROM checkpoint WHERE id = ?1) WHERE parent_id = ?1", id)
      .run();
}

// One that is gone already is passed over: the caller has asked for it to be gone.
void delete_checkpoint(Connection& db, CheckpointId id) {
  std::int64_t layout = 0;
  {
    Statement query(db, "SELECT layout_id FROM checkpoint WHERE id = ?1", id);
    if (!query.step()) return;
    layout = query.integer(0);
  }
  // forget() has refused it in words already; here it guards the invariant.
  refuse_head(db, id);
  give_back_references(db, id);
  graft_children(db, id);
  Statement(db, "DELETE FROM checkpoint_blob WHERE checkpoint_id = ?1", id).run();
  // Metrics and tags go with the row, and sessions forget that they resumed from it.
  Statement(db, "DELETE FROM checkpoint WHERE id = ?1", id).run();
  drop_unused_layout(db, layout);
}

}  // namespace

void delete_checkpoints(Connection& db, std::span<const CheckpointId> checkpoints) {
  for (const CheckpointId id : checkpoints) delete_checkpoint(db, id);
}

}  // namespace lastgood::catalog

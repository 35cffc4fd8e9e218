#include "store/catalog/checkpoints.h"

#include <nlohmann/json.hpp>

#include "store/catalog/blobs.h"
#include "store/catalog/checkpoint_rows.h"
#include "store/catalog/connection.h"
#include "store/catalog/id_list.h"

namespace lastgood::catalog {
namespace {

// A statement of its own for each combination, so that a run's list walks the run's index. The verdict is a word in the
// view, which no index has: it is compared row by row.
std::string list_sql(const ListQuery& query) {
  std::string sql = "SELECT " LASTGOOD_CHECKPOINT_COLUMNS " FROM v_checkpoints";
  if (query.run) sql += " WHERE run = ?1";
  if (query.stability) sql += std::string(query.run ? " AND" : " WHERE") + " stability = ?2";
  return sql + " ORDER BY id DESC LIMIT ?3";
}

std::vector<std::int64_t> parse_shape(Connection& db, std::string_view text) {
  // Damaged text must end as Error(corruption), not as an exception of the parser's.
  const auto shape = nlohmann::json::parse(text, nullptr, false);
  if (!shape.is_array() || shape.size() > format::kMaxDimensions) db.corrupt("the shape '" + std::string(text) + "'");
  std::vector<std::int64_t> sizes;
  for (const auto& size : shape) {
    if (!size.is_number_unsigned()) db.corrupt("the shape '" + std::string(text) + "'");
    sizes.push_back(size.get<std::int64_t>());
  }
  return sizes;
}

/// No foreign key binds these ids, so a row that is missing shows only here.
Blob blob_of(Connection& db, BlobId id) {
  auto blob = find_blob(db, id);
  if (!blob) db.corrupt("blob " + std::to_string(id.value) + ", which a checkpoint needs, is missing");
  return *blob;
}

}  // namespace

std::vector<CheckpointInfo> list_checkpoints(Connection& db, const ListQuery& query) {
  Statement rows(db, list_sql(query));
  if (query.run) rows.bind(1, *query.run);
  if (query.stability) rows.bind(2, std::string_view(to_string(*query.stability)));
  rows.bind(3, query.limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(query.limit));
  std::vector<CheckpointInfo> checkpoints;
  while (rows.step()) checkpoints.push_back(read_checkpoint(db, rows));
  return checkpoints;
}

std::optional<CheckpointInfo> find_checkpoint(Connection& db, CheckpointId id) {
  Statement row(db, "SELECT " LASTGOOD_CHECKPOINT_COLUMNS " FROM v_checkpoints WHERE id = ?1", id);
  if (!row.step()) return std::nullopt;
  return read_checkpoint(db, row);
}

std::optional<format::Uuid> checkpoint_uuid(Connection& db, CheckpointId id) {
  Statement row(db, "SELECT uuid FROM checkpoint WHERE id = ?1", id);
  if (!row.step()) return std::nullopt;
  return row.uuid(0);
}

std::vector<format::Uuid> checkpoint_uuids(Connection& db) {
  Statement rows(db, "SELECT uuid FROM checkpoint ORDER BY id");
  std::vector<format::Uuid> uuids;
  while (rows.step()) uuids.push_back(rows.uuid(0));
  return uuids;
}

std::optional<CheckpointBlobs> checkpoint_blobs(Connection& db, CheckpointId id) {
  Statement own(db, "SELECT manifest_blob, record_blob FROM checkpoint WHERE id = ?1", id);
  if (!own.step()) return std::nullopt;
  CheckpointBlobs blobs{blob_of(db, own.id<BlobId>(0)), blob_of(db, own.id<BlobId>(1)), {}};
  Statement chunks(db, "SELECT blob_id, ordinal FROM checkpoint_blob WHERE checkpoint_id = ?1 ORDER BY ordinal", id);
  while (chunks.step()) {
    // A row that is lost must not shift all chunks behind it by one.
    if (chunks.count(1) != blobs.chunks.size()) db.corrupt("the chunks of a checkpoint are not numbered on");
    blobs.chunks.push_back(blob_of(db, chunks.id<BlobId>(0)));
  }
  return blobs;
}

/// The layout has an alias's owner by its ordinal; here it is named.
std::vector<EntrySpec> checkpoint_entries(Connection& db, CheckpointId id) {
  Statement rows(db,
                 "SELECT e.section, e.name, e.dtype, e.shape, o.name FROM checkpoint AS c "
                 "CROSS JOIN layout_entry AS e ON e.layout_id = c.layout_id "
                 "LEFT JOIN layout_entry AS o ON o.layout_id = e.layout_id AND o.ordinal = e.alias_of "
                 "WHERE c.id = ?1 ORDER BY e.ordinal",
                 id);
  std::vector<EntrySpec> entries;
  while (rows.step()) {
    EntrySpec spec;
    spec.section = rows.enumerator(0, Section::model, Section::extra);
    spec.name = rows.text(1);
    spec.dtype = rows.enumerator(2, DType::bytes, DType::float8_e5m2fnuz);
    spec.shape = parse_shape(db, rows.text(3));
    if (!rows.is_null(4)) spec.alias_of = rows.text(4);
    entries.push_back(std::move(spec));
  }
  return entries;
}

// Reads the whole of checkpoint_blob. Asked where damage was found, and nowhere else.
std::vector<CheckpointId> checkpoints_with_blob(Connection& db, BlobId blob) {
  Statement rows(db,
                 "SELECT checkpoint_id FROM checkpoint_blob WHERE blob_id = ?1 "
                 "UNION SELECT id FROM checkpoint WHERE manifest_blob = ?1 OR record_blob = ?1 ORDER BY 1",
                 blob);
  std::vector<CheckpointId> checkpoints;
  while (rows.step()) checkpoints.push_back(rows.id<CheckpointId>(0));
  return checkpoints;
}

// Each blob b that only the checkpoints in ?1 refer to. CROSS JOIN fixes the order of the loops: from the few outwards.
// Nobody else refers to a blob whose count of references is just what they use.
#define LASTGOOD_ONLY_IN(COLUMNS)                                                                 \
  "WITH chosen(id) AS (SELECT DISTINCT value FROM json_each(?1)), "                               \
  "used(blob_id, n) AS (SELECT blob_id, count(*) FROM ("                                          \
  "  SELECT x.blob_id FROM chosen CROSS JOIN checkpoint_blob AS x ON x.checkpoint_id = chosen.id" \
  "  UNION ALL SELECT c.manifest_blob FROM chosen CROSS JOIN checkpoint AS c ON c.id = chosen.id" \
  "  UNION ALL SELECT c.record_blob FROM chosen CROSS JOIN checkpoint AS c ON c.id = chosen.id)"  \
  " GROUP BY blob_id) "                                                                           \
  "SELECT " COLUMNS                                                                               \
  " FROM used CROSS JOIN blob AS b ON b.id = used.blob_id "                                       \
  "WHERE b.refs = used.n AND b.state = 0"

std::uint64_t bytes_only_in(Connection& db, std::span<const CheckpointId> checkpoints) {
  Statement row(db, LASTGOOD_ONLY_IN("coalesce(sum(b.stored_bytes + ?2), 0)"), id_list(checkpoints),
                std::uint64_t{format::kHeaderBytes});
  row.step();
  return row.count(0);
}

std::vector<BlobId> blobs_only_in(Connection& db, std::span<const CheckpointId> checkpoints) {
  Statement rows(db, LASTGOOD_ONLY_IN("b.id") " ORDER BY b.id", id_list(checkpoints));
  std::vector<BlobId> blobs;
  while (rows.step()) blobs.push_back(rows.id<BlobId>(0));
  return blobs;
}

std::map<CheckpointId, std::uint64_t> bytes_unique(Connection& db, std::span<const CheckpointId> checkpoints) {
  Statement rows(db,
                 "SELECT c.id, (SELECT coalesce(sum(b.stored_bytes + ?2), 0) FROM ("
                 "    SELECT blob_id, count(*) AS n FROM ("
                 "      SELECT x.blob_id FROM checkpoint_blob AS x WHERE x.checkpoint_id = c.id"
                 "      UNION ALL SELECT c.manifest_blob UNION ALL SELECT c.record_blob) GROUP BY blob_id) AS used"
                 "  CROSS JOIN blob AS b ON b.id = used.blob_id WHERE b.refs = used.n AND b.state = 0) "
                 "FROM json_each(?1) CROSS JOIN checkpoint AS c ON c.id = json_each.value",
                 id_list(checkpoints), std::uint64_t{format::kHeaderBytes});
  std::map<CheckpointId, std::uint64_t> bytes;
  while (rows.step()) bytes[rows.id<CheckpointId>(0)] = rows.count(1);
  return bytes;
}

}  // namespace lastgood::catalog

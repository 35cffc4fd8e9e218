// The DDL of version 1. Columns, indexes and the reasons for both: FORMAT.md, section "Catalog".
#pragma once

namespace lastgood::catalog {

inline constexpr char kSchemaTables[] = R"sql(
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  head INTEGER REFERENCES checkpoint (id),
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX run_head ON run (head);

CREATE TABLE session (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
  run_id INTEGER NOT NULL REFERENCES run (id),
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  resumed_from INTEGER REFERENCES checkpoint (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX session_run ON session (run_id);
CREATE INDEX session_resumed_from ON session (resumed_from);

-- What checkpoints of one structure have in common, stored once.
CREATE TABLE layout (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 16)
) STRICT;

CREATE TABLE layout_entry (
  layout_id INTEGER NOT NULL REFERENCES layout (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  section INTEGER NOT NULL,
  name TEXT NOT NULL,
  dtype INTEGER NOT NULL,
  shape TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  first_chunk INTEGER NOT NULL,
  chunks INTEGER NOT NULL,
  alias_of INTEGER,
  PRIMARY KEY (layout_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
  run_id INTEGER NOT NULL REFERENCES run (id),
  session_id INTEGER NOT NULL REFERENCES session (id),
  parent_id INTEGER REFERENCES checkpoint (id),
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
  stability INTEGER NOT NULL CHECK (stability BETWEEN 0 AND 2),
  pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 16),
  entries INTEGER NOT NULL,
  bytes_logical INTEGER NOT NULL,
  bytes_new INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  layout_id INTEGER NOT NULL REFERENCES layout (id),
  manifest_blob INTEGER NOT NULL,
  record_blob INTEGER NOT NULL
) STRICT;
CREATE INDEX checkpoint_run ON checkpoint (run_id);
CREATE INDEX checkpoint_session ON checkpoint (session_id);
CREATE INDEX checkpoint_parent ON checkpoint (parent_id);
CREATE INDEX checkpoint_layout ON checkpoint (layout_id);
CREATE INDEX checkpoint_stable ON checkpoint (run_id) WHERE stability = 1;
CREATE INDEX checkpoint_pinned ON checkpoint (pinned) WHERE pinned = 1;

CREATE TABLE metric (
  checkpoint_id INTEGER NOT NULL REFERENCES checkpoint (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY (checkpoint_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
  name TEXT PRIMARY KEY,
  checkpoint_id INTEGER NOT NULL REFERENCES checkpoint (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_checkpoint ON tag (checkpoint_id);

-- The hot path of every commit: thousands of rows. Append only, no index besides its key, and no foreign keys: raising
-- a blob's reference count finds its row anyway, and a key to blob would make every drop of a blob scan this table.
CREATE TABLE checkpoint_blob (
  checkpoint_id INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  blob_id INTEGER NOT NULL,
  PRIMARY KEY (checkpoint_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE save (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
  session_id INTEGER NOT NULL REFERENCES session (id)
) STRICT;

-- Not bound to blob by a foreign key, which would want an index over blob_id.
CREATE TABLE save_pin (
  save_id INTEGER NOT NULL REFERENCES save (id) ON DELETE CASCADE,
  blob_id INTEGER NOT NULL,
  PRIMARY KEY (save_id, blob_id)
) STRICT, WITHOUT ROWID;

-- save_id outlives the save's row: a pack is owned while that row exists. Ids are never used twice.
CREATE TABLE pack (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
  save_id INTEGER
) STRICT;

CREATE TABLE blob (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL CHECK (length(hash) = 16),
  pack_id INTEGER NOT NULL REFERENCES pack (id),
  offset INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
  damaged INTEGER NOT NULL DEFAULT 0 CHECK (damaged IN (0, 1)),
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0)
) STRICT;
-- No two rows claim one extent: what is punched for one can never be another's.
CREATE UNIQUE INDEX blob_place ON blob (pack_id, offset);
CREATE INDEX blob_unreferenced ON blob (id) WHERE refs = 0 AND state = 0;
CREATE INDEX blob_damaged ON blob (id) WHERE damaged = 1 AND state = 0;
)sql";

// Public and stable: columns are only ever added.
inline constexpr char kSchemaViews[] = R"sql(
CREATE VIEW v_checkpoints AS
SELECT c.id AS id, lower(hex(c.uuid)) AS uuid, r.name AS run, c.session_id AS session, c.parent_id AS parent,
  c.step AS step, c.epoch AS epoch,
  CASE c.kind WHEN 0 THEN 'regular' WHEN 1 THEN 'emergency' WHEN 2 THEN 'manual' WHEN 3 THEN 'imported' END AS kind,
  CASE c.stability WHEN 0 THEN 'unknown' WHEN 1 THEN 'stable' WHEN 2 THEN 'unstable' END AS stability,
  r.head IS c.id AS is_head, c.pinned AS pinned,
  -- Free while nothing is damaged: CASE looks at its first branch only.
  CASE WHEN NOT EXISTS (SELECT 1 FROM blob WHERE damaged = 1 AND state = 0) THEN 1
    ELSE NOT EXISTS (
        SELECT 1 FROM checkpoint_blob AS x
        WHERE x.checkpoint_id = c.id AND x.blob_id IN (SELECT id FROM blob WHERE damaged = 1 AND state = 0))
      AND c.manifest_blob NOT IN (SELECT id FROM blob WHERE damaged = 1 AND state = 0)
      AND c.record_blob NOT IN (SELECT id FROM blob WHERE damaged = 1 AND state = 0)
  END AS intact,
  strftime('%Y-%m-%dT%H:%M:%fZ', c.created_at_ms / 1000.0, 'unixepoch') AS created_at,
  c.created_at_ms AS created_at_ms, lower(hex(c.digest)) AS digest, c.entries AS entries,
  c.bytes_logical AS bytes_logical, c.bytes_new AS bytes_new, c.metadata AS metadata
FROM checkpoint AS c JOIN run AS r ON r.id = c.run_id;

CREATE VIEW v_metrics AS
SELECT checkpoint_id AS checkpoint, name, value FROM metric;

CREATE VIEW v_tags AS
SELECT name, checkpoint_id AS checkpoint FROM tag;

CREATE VIEW v_entries AS
SELECT c.id AS checkpoint, e.ordinal AS ordinal,
  CASE e.section WHEN 0 THEN 'model' WHEN 1 THEN 'optimizer' WHEN 2 THEN 'scheduler' WHEN 3 THEN 'rng'
    WHEN 4 THEN 'extra' END AS section,
  e.name AS name,
  CASE e.dtype WHEN 0 THEN 'bytes' WHEN 1 THEN 'json' WHEN 2 THEN 'bool' WHEN 3 THEN 'uint8' WHEN 4 THEN 'int8'
    WHEN 5 THEN 'uint16' WHEN 6 THEN 'int16' WHEN 7 THEN 'uint32' WHEN 8 THEN 'int32' WHEN 9 THEN 'uint64'
    WHEN 10 THEN 'int64' WHEN 11 THEN 'float16' WHEN 12 THEN 'bfloat16' WHEN 13 THEN 'float32' WHEN 14 THEN 'float64'
    WHEN 15 THEN 'complex32' WHEN 16 THEN 'complex64' WHEN 17 THEN 'complex128' WHEN 18 THEN 'float8_e4m3fn'
    WHEN 19 THEN 'float8_e5m2' WHEN 20 THEN 'float8_e4m3fnuz' WHEN 21 THEN 'float8_e5m2fnuz' END AS dtype,
  e.shape AS shape, e.bytes AS bytes, e.first_chunk AS first_chunk, e.chunks AS chunks,
  (SELECT o.name FROM layout_entry AS o WHERE o.layout_id = e.layout_id AND o.ordinal = e.alias_of) AS alias_of
FROM checkpoint AS c JOIN layout_entry AS e ON e.layout_id = c.layout_id;

CREATE VIEW v_runs AS
SELECT r.id AS id, r.name AS name, r.head AS head,
  (SELECT count(*) FROM checkpoint AS c WHERE c.run_id = r.id) AS checkpoints,
  (SELECT count(*) FROM session AS s WHERE s.run_id = r.id) AS sessions,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at_ms / 1000.0, 'unixepoch') AS created_at,
  r.created_at_ms AS created_at_ms
FROM run AS r;

CREATE VIEW v_sessions AS
SELECT s.id AS id, lower(hex(s.uuid)) AS uuid, r.name AS run,
  CASE s.state WHEN 0 THEN 'open' WHEN 1 THEN 'completed' WHEN 2 THEN 'interrupted' WHEN 3 THEN 'crashed' END AS state,
  s.pid AS pid, s.host AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.started_at_ms / 1000.0, 'unixepoch') AS started_at,
  s.started_at_ms AS started_at_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.ended_at_ms / 1000.0, 'unixepoch') AS ended_at,
  s.ended_at_ms AS ended_at_ms, s.resumed_from AS resumed_from,
  (SELECT count(*) FROM checkpoint AS c WHERE c.session_id = s.id) AS checkpoints
FROM session AS s JOIN run AS r ON r.id = s.run_id;

CREATE VIEW v_blobs AS
SELECT b.id AS id, lower(hex(b.hash)) AS hash, lower(hex(p.uuid)) || '.pack' AS pack, b.offset AS offset,
  CASE b.kind WHEN 1 THEN 'chunk' WHEN 2 THEN 'manifest' WHEN 3 THEN 'record' END AS kind,
  CASE b.codec WHEN 0 THEN 'raw' WHEN 1 THEN 'zstd' WHEN 2 THEN 'planes' END AS codec,
  b.raw_bytes AS raw_bytes, b.stored_bytes AS stored_bytes,
  CASE b.state WHEN 0 THEN 'live' WHEN 1 THEN 'dead' END AS state, b.damaged AS damaged, b.refs AS refs
FROM blob AS b JOIN pack AS p ON p.id = b.pack_id;
)sql";

}  // namespace lastgood::catalog

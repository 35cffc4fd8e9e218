// The DDL that version 2 adds: telemetry. Nothing of it is needed to load a checkpoint. Columns: FORMAT.md, "Catalog".
#pragma once

namespace lastgood::catalog {

inline constexpr char kTelemetryTables[] = R"sql(
-- One walk of the training state: from a session's start or a rollback to the next. A checkpoint lies on the newest
-- branch of its session that began before it: `after_checkpoint` is the highest id at the beginning.
CREATE TABLE branch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES session (id),
  base INTEGER REFERENCES checkpoint (id) ON DELETE SET NULL,
  base_step INTEGER NOT NULL,
  after_checkpoint INTEGER NOT NULL
) STRICT;
CREATE INDEX branch_session ON branch (session_id);
CREATE INDEX branch_base ON branch (base);

-- NULL is what was not observed, and also NaN, which SQLite does not have: `observed` tells (1 loss, 2 gradient_norm,
-- 4 learning_rate).
CREATE TABLE observation (
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  step INTEGER NOT NULL,
  recorded_at_ms INTEGER NOT NULL,
  observed INTEGER NOT NULL CHECK (observed BETWEEN 0 AND 7),
  loss REAL,
  gradient_norm REAL,
  learning_rate REAL,
  health INTEGER NOT NULL CHECK (health BETWEEN 0 AND 3),
  PRIMARY KEY (branch_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  step INTEGER NOT NULL,
  recorded_at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 2),
  message TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX event_branch ON event (branch_id);

CREATE TABLE recovery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  recorded_at_ms INTEGER NOT NULL,
  failure TEXT NOT NULL,
  action TEXT NOT NULL,
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 4),
  restored INTEGER,
  resumed_step INTEGER NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX recovery_branch ON recovery (branch_id);

-- checkpoint_id names a checkpoint that may have been forgotten since.
CREATE TABLE save_cost (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  step INTEGER NOT NULL,
  recorded_at_ms INTEGER NOT NULL,
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
  checkpoint_id INTEGER,
  bytes_logical INTEGER NOT NULL,
  bytes_new INTEGER NOT NULL,
  blocked_us INTEGER NOT NULL,
  durable_us INTEGER NOT NULL,
  error TEXT NOT NULL
) STRICT;
CREATE INDEX save_cost_branch ON save_cost (branch_id);
)sql";

inline constexpr char kTelemetryViews[] = R"sql(
CREATE VIEW v_health AS
SELECT r.name AS run, b.session_id AS session, o.branch_id AS branch, o.step AS step,
  CASE o.health WHEN 0 THEN 'unchecked' WHEN 1 THEN 'healthy' WHEN 2 THEN 'warning' WHEN 3 THEN 'critical' END AS health,
  o.loss AS loss, o.gradient_norm AS gradient_norm, o.learning_rate AS learning_rate,
  (o.observed & 1 AND o.loss IS NULL) AS loss_is_nan,
  (o.observed & 2 AND o.gradient_norm IS NULL) AS gradient_norm_is_nan,
  strftime('%Y-%m-%dT%H:%M:%fZ', o.recorded_at_ms / 1000.0, 'unixepoch') AS recorded_at,
  o.recorded_at_ms AS recorded_at_ms
FROM observation AS o JOIN branch AS b ON b.id = o.branch_id JOIN session AS s ON s.id = b.session_id
  JOIN run AS r ON r.id = s.run_id;

CREATE VIEW v_events AS
SELECT e.id AS id, r.name AS run, b.session_id AS session, e.branch_id AS branch, e.step AS step, e.kind AS kind,
  CASE e.severity WHEN 0 THEN 'info' WHEN 1 THEN 'warning' WHEN 2 THEN 'critical' END AS severity,
  e.message AS message, e.detail AS detail,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.recorded_at_ms / 1000.0, 'unixepoch') AS recorded_at,
  e.recorded_at_ms AS recorded_at_ms
FROM event AS e JOIN branch AS b ON b.id = e.branch_id JOIN session AS s ON s.id = b.session_id
  JOIN run AS r ON r.id = s.run_id;

CREATE VIEW v_recoveries AS
SELECT x.id AS id, r.name AS run, b.session_id AS session, x.branch_id AS branch, x.step AS step, x.epoch AS epoch,
  x.failure AS failure, x.action AS action,
  CASE x.outcome WHEN 0 THEN 'probation' WHEN 1 THEN 'succeeded' WHEN 2 THEN 'relapsed' WHEN 3 THEN 'failed'
    WHEN 4 THEN 'halted' END AS outcome,
  x.restored AS restored, x.resumed_step AS resumed_step, x.detail AS detail,
  strftime('%Y-%m-%dT%H:%M:%fZ', x.recorded_at_ms / 1000.0, 'unixepoch') AS recorded_at,
  x.recorded_at_ms AS recorded_at_ms
FROM recovery AS x JOIN branch AS b ON b.id = x.branch_id JOIN session AS s ON s.id = b.session_id
  JOIN run AS r ON r.id = s.run_id;

CREATE VIEW v_saves AS
SELECT c.id AS id, r.name AS run, b.session_id AS session, c.step AS step,
  CASE c.kind WHEN 0 THEN 'regular' WHEN 1 THEN 'emergency' WHEN 2 THEN 'manual' WHEN 3 THEN 'imported' END AS kind,
  c.checkpoint_id AS checkpoint, c.bytes_logical AS bytes_logical, c.bytes_new AS bytes_new,
  c.blocked_us AS blocked_us, c.durable_us AS durable_us, c.error AS error,
  strftime('%Y-%m-%dT%H:%M:%fZ', c.recorded_at_ms / 1000.0, 'unixepoch') AS recorded_at,
  c.recorded_at_ms AS recorded_at_ms
FROM save_cost AS c JOIN branch AS b ON b.id = c.branch_id JOIN session AS s ON s.id = b.session_id
  JOIN run AS r ON r.id = s.run_id;
)sql";

}  // namespace lastgood::catalog

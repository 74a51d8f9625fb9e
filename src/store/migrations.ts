/**
 * The schema of the database, as the steps from an empty one to the current one, in order; `user_version` counts those
 * that were applied. A step that has been released is never changed: another follows it.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE jobs (
    id             TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    owner          TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    name           TEXT,
    image          TEXT NOT NULL,
    spec           TEXT NOT NULL CHECK (json_valid(spec)),
    status         TEXT NOT NULL CHECK (status IN
                     ('QUEUED', 'RUNNING', 'COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST', 'FAILED')),
    started_at     INTEGER,
    finished_at    INTEGER,
    exit_code      INTEGER,
    signal         TEXT,
    limit_exceeded TEXT CHECK (limit_exceeded IN ('TIME', 'MEMORY', 'OUTPUT')),
    error          TEXT,
    usage          TEXT CHECK (json_valid(usage)),
    CHECK ((finished_at IS NULL) = (status IN ('QUEUED', 'RUNNING'))),
    CHECK ((status = 'LIMIT_EXCEEDED') = (limit_exceeded IS NOT NULL)),
    CHECK (status NOT IN ('RUNNING', 'COMPLETED', 'LIMIT_EXCEEDED', 'LOST') OR started_at IS NOT NULL),
    CHECK (exit_code IS NULL OR signal IS NULL),
    CHECK (status <> 'COMPLETED' OR exit_code IS NOT NULL OR signal IS NOT NULL)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX jobs_by_status ON jobs (status, id);
  CREATE INDEX jobs_by_owner ON jobs (owner, id);
  CREATE INDEX jobs_by_name ON jobs (name, id) WHERE name IS NOT NULL;
  CREATE INDEX jobs_by_image ON jobs (image, id);
  CREATE INDEX jobs_by_creation ON jobs (created_at, id);

  CREATE TABLE labels (
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (key, value, job_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX labels_by_job ON labels (job_id);

  CREATE TRIGGER jobs_transition BEFORE UPDATE OF status ON jobs
  WHEN NOT (
    (OLD.status = 'QUEUED' AND NEW.status IN ('RUNNING', 'STOPPED', 'FAILED')) OR
    (OLD.status = 'RUNNING' AND NEW.status IN ('COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST'))
  )
  BEGIN
    SELECT RAISE(ABORT, 'a job cannot change its state like this');
  END;
  `,
  // With a rowid, since rows are wide (sqlite.org/withoutrowid.html section 4), and checked against all of `JobState`.
  // `lag` is `created_at` less the time in the id (RFC 9562 section 5.7), which is parsed as a hexadecimal number of
  // JSON5. Its extremes turn times into bounds of ids, so that no filter needs an index of its own for times.
  `
  CREATE TABLE new_jobs (
    id             TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    owner          TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    name           TEXT,
    image          TEXT NOT NULL,
    spec           TEXT NOT NULL CHECK (json_valid(spec)),
    status         TEXT NOT NULL CHECK (status IN
                     ('QUEUED', 'RUNNING', 'COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST', 'FAILED')),
    started_at     INTEGER,
    finished_at    INTEGER,
    exit_code      INTEGER,
    signal         TEXT,
    limit_exceeded TEXT CHECK (limit_exceeded IN ('TIME', 'MEMORY', 'OUTPUT')),
    error          TEXT,
    usage          TEXT CHECK (json_valid(usage)),
    lag            INTEGER NOT NULL AS (created_at - (('0x' || substr(id, 1, 8) || substr(id, 10, 4)) ->> '$')),
    CHECK (status NOT IN ('QUEUED', 'FAILED') OR started_at IS NULL),
    CHECK (status IN ('QUEUED', 'STOPPED', 'FAILED') OR started_at IS NOT NULL),
    CHECK ((status IN ('QUEUED', 'RUNNING')) = (finished_at IS NULL)),
    CHECK (exit_code IS NULL OR signal IS NULL),
    CHECK (status NOT IN ('COMPLETED', 'LIMIT_EXCEEDED') OR coalesce(exit_code, signal) IS NOT NULL),
    CHECK (status IN ('COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED') OR coalesce(exit_code, signal, usage) IS NULL),
    CHECK ((status = 'LIMIT_EXCEEDED') = (limit_exceeded IS NOT NULL)),
    CHECK ((status IN ('LIMIT_EXCEEDED', 'LOST', 'FAILED')) = (error IS NOT NULL))
  ) STRICT;
  INSERT INTO new_jobs SELECT * FROM jobs ORDER BY id;
  DROP TABLE jobs;
  ALTER TABLE new_jobs RENAME TO jobs;

  CREATE INDEX jobs_by_status ON jobs (status, id);
  CREATE INDEX jobs_by_owner ON jobs (owner, id);
  CREATE INDEX jobs_by_owner_and_status ON jobs (owner, status, id);
  CREATE INDEX jobs_by_name ON jobs (name, id) WHERE name IS NOT NULL;
  CREATE INDEX jobs_by_image ON jobs (image, id);
  CREATE INDEX jobs_by_lag ON jobs (lag);
  CREATE INDEX jobs_by_id_and_creation ON jobs (id, created_at);

  CREATE TRIGGER jobs_transition BEFORE UPDATE OF status ON jobs
  WHEN NOT (
    (OLD.status = 'QUEUED' AND NEW.status IN ('RUNNING', 'STOPPED', 'FAILED')) OR
    (OLD.status = 'RUNNING' AND NEW.status IN ('COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST'))
  )
  BEGIN
    SELECT RAISE(ABORT, 'a job cannot change its state like this');
  END;
  `,
  `
  CREATE TABLE request_keys (
    owner  TEXT NOT NULL,
    key    TEXT NOT NULL,
    digest TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (owner, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX request_keys_by_job ON request_keys (job_id);
  `,
  // Written by triggers, so that no change of a job is without its event, and in the order of the commits.
  // AUTOINCREMENT: a number is never used twice, even if the last rows are deleted (sqlite.org/autoinc.html).
  `
  CREATE TABLE job_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time   INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    status TEXT NOT NULL
  ) STRICT;
  CREATE INDEX job_events_by_job ON job_events (job_id);

  CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
    INSERT INTO job_events (job_id, status) VALUES (NEW.id, NEW.status);
  END;
  CREATE TRIGGER jobs_changed AFTER UPDATE OF status ON jobs BEGIN
    INSERT INTO job_events (job_id, status) VALUES (NEW.id, NEW.status);
  END;
  `,
  // The CPU time limit, limit hits, and pauses, which are events as well, with an unchanged state.
  `
  CREATE TABLE new_jobs (
    id             TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    owner          TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    name           TEXT,
    image          TEXT NOT NULL,
    spec           TEXT NOT NULL CHECK (json_valid(spec)),
    status         TEXT NOT NULL CHECK (status IN
                     ('QUEUED', 'RUNNING', 'COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST', 'FAILED')),
    started_at     INTEGER,
    finished_at    INTEGER,
    exit_code      INTEGER,
    signal         TEXT,
    limit_exceeded TEXT CHECK (limit_exceeded IN ('TIME', 'CPU_TIME', 'MEMORY', 'OUTPUT')),
    error          TEXT,
    usage          TEXT CHECK (json_valid(usage)),
    paused_at      INTEGER,
    output         TEXT CHECK (json_valid(output)),
    limits_hit     TEXT CHECK (json_valid(limits_hit)),
    lag            INTEGER NOT NULL AS (created_at - (('0x' || substr(id, 1, 8) || substr(id, 10, 4)) ->> '$')),
    CHECK (status NOT IN ('QUEUED', 'FAILED') OR started_at IS NULL),
    CHECK (status IN ('QUEUED', 'STOPPED', 'FAILED') OR started_at IS NOT NULL),
    CHECK ((status IN ('QUEUED', 'RUNNING')) = (finished_at IS NULL)),
    CHECK (exit_code IS NULL OR signal IS NULL),
    CHECK (status NOT IN ('COMPLETED', 'LIMIT_EXCEEDED') OR coalesce(exit_code, signal) IS NOT NULL),
    CHECK (status IN ('COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED')
      OR coalesce(exit_code, signal, usage, output, limits_hit) IS NULL),
    CHECK (status = 'RUNNING' OR paused_at IS NULL),
    CHECK ((status = 'LIMIT_EXCEEDED') = (limit_exceeded IS NOT NULL)),
    CHECK ((status IN ('LIMIT_EXCEEDED', 'LOST', 'FAILED')) = (error IS NOT NULL))
  ) STRICT;
  INSERT INTO new_jobs (id, owner, created_at, name, image, spec, status, started_at, finished_at, exit_code, signal,
      limit_exceeded, error, usage)
    SELECT id, owner, created_at, name, image, spec, status, started_at, finished_at, exit_code, signal,
      limit_exceeded, error, usage FROM jobs ORDER BY id;
  DROP TABLE jobs;
  ALTER TABLE new_jobs RENAME TO jobs;

  CREATE INDEX jobs_by_status ON jobs (status, id);
  CREATE INDEX jobs_by_owner ON jobs (owner, id);
  CREATE INDEX jobs_by_owner_and_status ON jobs (owner, status, id);
  CREATE INDEX jobs_by_name ON jobs (name, id) WHERE name IS NOT NULL;
  CREATE INDEX jobs_by_image ON jobs (image, id);
  CREATE INDEX jobs_by_lag ON jobs (lag);
  CREATE INDEX jobs_by_id_and_creation ON jobs (id, created_at);

  CREATE TRIGGER jobs_transition BEFORE UPDATE OF status ON jobs
  WHEN NOT (
    (OLD.status = 'QUEUED' AND NEW.status IN ('RUNNING', 'STOPPED', 'FAILED')) OR
    (OLD.status = 'RUNNING' AND NEW.status IN ('COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST')) OR
    (OLD.status = 'RUNNING' AND NEW.status = 'RUNNING' AND OLD.started_at = NEW.started_at)
  )
  BEGIN
    SELECT RAISE(ABORT, 'a job cannot change its state like this');
  END;
  CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
    INSERT INTO job_events (job_id, status) VALUES (NEW.id, NEW.status);
  END;
  CREATE TRIGGER jobs_changed AFTER UPDATE OF status ON jobs
  WHEN OLD.status <> NEW.status OR OLD.paused_at IS NOT NEW.paused_at
  BEGIN
    INSERT INTO job_events (job_id, status) VALUES (NEW.id, NEW.status);
  END;
  `,
  // For retention: indexes of their own, so that listing jobs stays as fast as before.
  // A job whose row was deleted and whose folder may still exist is in `removals`, written in the same transaction.
  `
  ALTER TABLE jobs ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
  ALTER TABLE jobs ADD COLUMN retried_by TEXT;
  ALTER TABLE jobs ADD COLUMN disk_bytes INTEGER;
  ALTER TABLE jobs ADD COLUMN packed INTEGER NOT NULL DEFAULT 0 CHECK (packed IN (0, 1));
  CREATE INDEX jobs_by_finish ON jobs (finished_at, id, disk_bytes) WHERE finished_at IS NOT NULL AND pinned = 0;
  CREATE INDEX jobs_to_pack ON jobs (finished_at, id) WHERE finished_at IS NOT NULL AND packed = 0;

  CREATE TABLE removals (
    job_id TEXT PRIMARY KEY NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // How jobs ended, for those that did not succeed: small indexes, which the end of most jobs does not change.
  `
  CREATE INDEX jobs_failed ON jobs (id, status, exit_code)
    WHERE CASE WHEN status IN ('LIMIT_EXCEEDED', 'LOST', 'FAILED')
      OR (status = 'COMPLETED' AND exit_code IS NOT 0) THEN 1 ELSE 0 END;
  CREATE INDEX jobs_by_exit_code ON jobs (exit_code, id) WHERE exit_code <> 0;
  CREATE INDEX jobs_by_signal ON jobs (signal, id) WHERE signal IS NOT NULL;
  CREATE INDEX jobs_by_limit ON jobs (limit_exceeded, id) WHERE limit_exceeded IS NOT NULL;
  `,
  // Standard inputs move from the specs into files; the server does that for these jobs, one after the other.
  `
  CREATE TABLE stdin_to_move (
    job_id TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  INSERT INTO stdin_to_move (job_id) SELECT id FROM jobs WHERE json_type(spec, '$.stdin') = 'text';
  `,
  // Of a token only a hash is kept (SHA-256), so that nobody who reads the database, or a copy of it, can use one.
  `
  CREATE TABLE tokens (
    id           TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    hash         TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
    name         TEXT NOT NULL CHECK (name <> ''),
    subject      TEXT NOT NULL CHECK (subject <> ''),
    role         TEXT NOT NULL CHECK (role IN ('ADMIN', 'USER', 'VIEWER')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
  // Large commands and environments move from the specs into rows of their own, which lists do not read. Attempts of one
  // job share such a row; it goes with the last of them.
  `
  CREATE TABLE payloads (
    id      TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    command TEXT CHECK (json_valid(command)),
    env     TEXT CHECK (json_valid(env)),
    CHECK (coalesce(command, env) IS NOT NULL)
  ) STRICT;
  ALTER TABLE jobs ADD COLUMN payload_id TEXT REFERENCES payloads (id);
  CREATE INDEX jobs_by_payload ON jobs (payload_id) WHERE payload_id IS NOT NULL;
  CREATE TRIGGER payload_unused AFTER DELETE ON jobs
  WHEN OLD.payload_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE payload_id = OLD.payload_id)
  BEGIN
    DELETE FROM payloads WHERE id = OLD.payload_id;
  END;

  INSERT INTO payloads (id, command, env)
    SELECT id, command, env FROM (
      SELECT id,
        CASE WHEN octet_length(spec -> '$.command') > 4096 THEN spec -> '$.command' END AS command,
        CASE WHEN octet_length(spec -> '$.env') > 4096 THEN spec -> '$.env' END AS env
      FROM jobs WHERE octet_length(spec) > 4096)
    WHERE coalesce(command, env) IS NOT NULL;
  UPDATE jobs SET payload_id = id, spec = json_set(spec, '$.command', json_object('kind', 'apart', 'id', id,
      'form', spec ->> '$.command.kind', 'isText', json('true'), 'bytes', octet_length(spec -> '$.command')))
    WHERE id IN (SELECT id FROM payloads WHERE command IS NOT NULL);
  UPDATE jobs SET payload_id = id, spec = json_set(spec, '$.env', json_object('kind', 'apart', 'id', id,
      'bytes', octet_length(spec -> '$.env')))
    WHERE id IN (SELECT id FROM payloads WHERE env IS NOT NULL);
  `,
  // Images that were added: a content can have several names, and stays without any as long as a job uses it.
  `
  CREATE TABLE images (
    digest     TEXT PRIMARY KEY NOT NULL,
    layers     TEXT NOT NULL CHECK (json_valid(layers)),
    defaults   TEXT NOT NULL CHECK (json_valid(defaults)),
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE image_names (
    name       TEXT PRIMARY KEY NOT NULL CHECK (name <> ''),
    digest     TEXT NOT NULL REFERENCES images (digest),
    owner      TEXT,
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_names_by_digest ON image_names (digest);
  `,
  // Written to find out whether the database can be.
  `
  CREATE TABLE probe (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    at INTEGER NOT NULL
  ) STRICT;
  `,
  // Why the server itself ended a job that was to be stopped.
  `
  ALTER TABLE jobs ADD COLUMN stop_error TEXT CHECK (stop_error IS NULL OR status = 'STOPPED');
  `,
  // What admins have set for single subjects; and what jobs take on the disk, added up by subject from the index alone.
  `
  CREATE TABLE quotas (
    subject   TEXT PRIMARY KEY NOT NULL CHECK (subject <> ''),
    overrides TEXT NOT NULL CHECK (json_valid(overrides))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX jobs_by_owner_and_disk ON jobs (owner, disk_bytes) WHERE disk_bytes IS NOT NULL;
  `,
  // Links that show one job, which go with it. Of each only a hash is kept, as of tokens.
  `
  CREATE TABLE shares (
    id         TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    job_id     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
    created_by TEXT NOT NULL CHECK (created_by <> ''),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX shares_by_job ON shares (job_id);
  `,
  // The audit log. Ids sort by time; a job may have been deleted, or never have existed.
  `
  CREATE TABLE audit (
    id         TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    time       INTEGER NOT NULL,
    action     TEXT NOT NULL CHECK (action <> ''),
    subject    TEXT,
    job_id     TEXT,
    address    TEXT,
    user_agent TEXT,
    token      TEXT,
    outcome    TEXT NOT NULL CHECK (outcome <> '')
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX audit_by_subject ON audit (subject, id) WHERE subject IS NOT NULL;
  CREATE INDEX audit_by_job ON audit (job_id, id) WHERE job_id IS NOT NULL;
  `,
  // Commands that run in the cell of another job, which are few.
  `
  CREATE INDEX jobs_by_exec_of ON jobs (spec ->> '$.execOf', id) WHERE spec ->> '$.execOf' IS NOT NULL;
  `,
  // What an entry of the audit log is about besides a job, and how many secrets a command was given.
  `
  ALTER TABLE audit ADD COLUMN target TEXT;
  ALTER TABLE audit ADD COLUMN secrets INTEGER NOT NULL DEFAULT 0;
  `,
  // What became of the artifacts of a job.
  `
  ALTER TABLE jobs ADD COLUMN artifacts TEXT CHECK (artifacts IS NULL OR json_valid(artifacts));
  `,
  // The contents of files that jobs are given, each of one subject, and which job was given which: those are not removed.
  `
  CREATE TABLE files (
    owner      TEXT NOT NULL CHECK (owner <> ''),
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    size       INTEGER NOT NULL CHECK (size >= 0),
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    uploaded   INTEGER NOT NULL CHECK (uploaded IN (0, 1)),
    PRIMARY KEY (owner, sha256)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX files_by_use ON files (used_at);
  CREATE TABLE file_names (
    id     TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 36),
    owner  TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    FOREIGN KEY (owner, sha256) REFERENCES files (owner, sha256) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX file_names_by_content ON file_names (owner, sha256);
  CREATE TABLE job_files (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    owner  TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size   INTEGER NOT NULL,
    inline INTEGER NOT NULL CHECK (inline IN (0, 1)),
    PRIMARY KEY (job_id, sha256, inline)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX job_files_by_content ON job_files (owner, sha256);
  `,
  // What clients have written to the standard input of a job, for its receipt.
  `
  ALTER TABLE jobs ADD COLUMN input TEXT CHECK (input IS NULL OR json_valid(input));
  `,
];

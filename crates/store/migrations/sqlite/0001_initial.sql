-- Every table has the tenant in its primary key and in its foreign keys. Ids are the sixteen bytes of a UUIDv7, times
-- microseconds since the Unix epoch, documents JSON text. `number` and `position` count from 1 in the order in which rows came, because
-- a clock may jump back.

CREATE TABLE tasks (
    tenant_id  BLOB    NOT NULL,
    task_id    BLOB    NOT NULL,
    number     INTEGER NOT NULL,
    text       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    priority   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, task_id)
) STRICT;
CREATE UNIQUE INDEX tasks_by_number ON tasks (tenant_id, number);

CREATE TABLE runs (
    tenant_id   BLOB    NOT NULL,
    run_id      BLOB    NOT NULL,
    task_id     BLOB    NOT NULL,
    number      INTEGER NOT NULL,
    repo        BLOB    NOT NULL,
    model       TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    branch      TEXT,
    base_commit TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    settings    TEXT    NOT NULL,
    document    TEXT,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, task_id)
) STRICT;
CREATE UNIQUE INDEX runs_by_number ON runs (tenant_id, number);
CREATE INDEX runs_by_task ON runs (tenant_id, task_id);

CREATE TABLE steps (
    tenant_id  BLOB    NOT NULL,
    run_id     BLOB    NOT NULL,
    step_id    BLOB    NOT NULL,
    ordinal    INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, run_id, step_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;

CREATE TABLE attempts (
    tenant_id  BLOB    NOT NULL,
    run_id     BLOB    NOT NULL,
    attempt_id BLOB    NOT NULL,
    step_id    BLOB    NOT NULL,
    number     INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, run_id, attempt_id),
    FOREIGN KEY (tenant_id, run_id, step_id) REFERENCES steps (tenant_id, run_id, step_id)
) STRICT;
CREATE UNIQUE INDEX attempts_by_number ON attempts (tenant_id, run_id, number);

-- The fence of a run only rises. A released lease has no owner.
CREATE TABLE leases (
    tenant_id   BLOB    NOT NULL,
    run_id      BLOB    NOT NULL,
    fence       INTEGER NOT NULL,
    owner       TEXT,
    renewed_at  INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;

-- The raw bytes stand last, so that reading a body never walks over them.
CREATE TABLE journal (
    tenant_id BLOB    NOT NULL,
    run_id    BLOB    NOT NULL,
    seq       INTEGER NOT NULL,
    branch    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    taint     TEXT    NOT NULL,
    data_key  BLOB,
    body      BLOB    NOT NULL,
    raw       BLOB,
    PRIMARY KEY (tenant_id, run_id, seq),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;

CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TABLE inbox (
    tenant_id   BLOB    NOT NULL,
    run_id      BLOB    NOT NULL,
    seq         INTEGER NOT NULL,
    message_key TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    author      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    taken_at    INTEGER,
    PRIMARY KEY (tenant_id, run_id, seq),
    UNIQUE (tenant_id, run_id, message_key),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;
CREATE INDEX inbox_pending ON inbox (tenant_id, run_id, seq) WHERE taken_at IS NULL;

CREATE TABLE outbox (
    tenant_id  BLOB    NOT NULL,
    position   INTEGER NOT NULL,
    event_id   BLOB    NOT NULL,
    type       TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    data       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, event_id)
) STRICT;
CREATE INDEX outbox_unsent ON outbox (tenant_id, position) WHERE sent_at IS NULL;

CREATE TABLE pull_requests (
    tenant_id    BLOB    NOT NULL,
    pr_id        BLOB    NOT NULL,
    run_id       BLOB    NOT NULL,
    number       INTEGER NOT NULL,
    forge_number INTEGER,
    title        TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    doc          TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, pr_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;
CREATE UNIQUE INDEX pull_requests_by_number ON pull_requests (tenant_id, number);
CREATE INDEX pull_requests_by_run ON pull_requests (tenant_id, run_id);

-- One row for each content; the bytes are in a file and were flushed to the disk before the row came.
CREATE TABLE objects (
    tenant_id  BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hash)
) STRICT;

CREATE TABLE artifacts (
    tenant_id   BLOB    NOT NULL,
    artifact_id BLOB    NOT NULL,
    run_id      BLOB    NOT NULL,
    kind        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    size        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, artifact_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id),
    FOREIGN KEY (tenant_id, hash) REFERENCES objects (tenant_id, hash)
) STRICT;
CREATE INDEX artifacts_by_run ON artifacts (tenant_id, run_id);
CREATE INDEX artifacts_by_hash ON artifacts (tenant_id, hash);

-- How many bytes all objects of a tenant have together: what the quota is held against.
CREATE TABLE storage (
    tenant_id    BLOB    NOT NULL,
    object_bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

CREATE TABLE cache (
    tenant_id  BLOB    NOT NULL,
    key        TEXT    NOT NULL,
    value      BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT;
CREATE INDEX cache_by_age ON cache (tenant_id, created_at);

CREATE TABLE budgets (
    tenant_id          BLOB    NOT NULL,
    run_id             BLOB    NOT NULL,
    limit_nano_usd     INTEGER,
    spent_nano_usd     INTEGER NOT NULL,
    reserved_nano_usd  INTEGER NOT NULL,
    calls              INTEGER NOT NULL,
    unpriced_calls     INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    cached_tokens      INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;

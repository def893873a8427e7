-- The same tables as in SQLite's migration of this number: BLOB is BYTEA here, INTEGER is BIGINT, and TEXT compares by its
-- bytes (COLLATE "C"). Every table has the tenant in its primary key and in its foreign keys. Ids are the sixteen bytes of a
-- UUIDv7, times microseconds since the Unix epoch, documents JSON text. `number` and `position` count from 1 in the order in
-- which rows came, because a clock may jump back.
--
-- Who owns these tables runs the migrations; `aamas_app` reads and writes rows, one tenant's at a time, and owns nothing.

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO aamas_app', current_schema());
END $$;

-- The tenant of the transaction. After COMMIT a SET LOCAL value is an empty string, not unset: both are errors.
CREATE FUNCTION aamas_tenant() RETURNS BYTEA LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    tenant TEXT := pg_catalog.current_setting('aamas.tenant_id', true);
BEGIN
    IF tenant IS NULL OR pg_catalog.length(tenant) <> 32 THEN
        RAISE EXCEPTION 'no tenant is set' USING ERRCODE = 'AA001';
    END IF;
    RETURN pg_catalog.decode(tenant, 'hex');
END $$;

-- Keeps the rows of a table apart by their tenant, for its owner as well, and lets the application at it. Each migration calls it
-- for each table that it creates; a store that finds a table without it does not open.
CREATE FUNCTION aamas_protect(name REGCLASS) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY of_one_tenant ON %s USING (tenant_id = (SELECT aamas_tenant()))
                    WITH CHECK (tenant_id = (SELECT aamas_tenant()))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO aamas_app', name);
END $$;
REVOKE EXECUTE ON FUNCTION aamas_protect(REGCLASS) FROM PUBLIC;

-- For the triggers of a table whose rows are only added: BEFORE UPDATE OR DELETE OR TRUNCATE … FOR EACH STATEMENT.
CREATE FUNCTION aamas_append_only() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'AA002';
END $$;

CREATE TABLE tasks (
    tenant_id  BYTEA   NOT NULL,
    task_id    BYTEA   NOT NULL,
    number     BIGINT  NOT NULL,
    text       TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    priority   BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    doc        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, task_id)
);
CREATE UNIQUE INDEX tasks_by_number ON tasks (tenant_id, number);

CREATE TABLE runs (
    tenant_id   BYTEA   NOT NULL,
    run_id      BYTEA   NOT NULL,
    task_id     BYTEA   NOT NULL,
    number      BIGINT  NOT NULL,
    repo        BYTEA   NOT NULL,
    model       TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    branch      TEXT COLLATE "C",
    base_commit TEXT COLLATE "C",
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    fence       BIGINT  NOT NULL,
    settings    TEXT COLLATE "C" NOT NULL,
    document    TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, task_id)
);
CREATE UNIQUE INDEX runs_by_number ON runs (tenant_id, number);
CREATE INDEX runs_by_task ON runs (tenant_id, task_id);

CREATE TABLE steps (
    tenant_id  BYTEA   NOT NULL,
    run_id     BYTEA   NOT NULL,
    step_id    BYTEA   NOT NULL,
    ordinal    BIGINT  NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    doc        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, run_id, step_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);

CREATE TABLE attempts (
    tenant_id  BYTEA   NOT NULL,
    run_id     BYTEA   NOT NULL,
    attempt_id BYTEA   NOT NULL,
    step_id    BYTEA   NOT NULL,
    number     BIGINT  NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    doc        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, run_id, attempt_id),
    FOREIGN KEY (tenant_id, run_id, step_id) REFERENCES steps (tenant_id, run_id, step_id)
);
CREATE UNIQUE INDEX attempts_by_number ON attempts (tenant_id, run_id, number);

-- The fence of a run only rises. A released lease has no owner.
CREATE TABLE leases (
    tenant_id   BYTEA   NOT NULL,
    run_id      BYTEA   NOT NULL,
    fence       BIGINT  NOT NULL,
    owner       TEXT COLLATE "C",
    renewed_at  BIGINT  NOT NULL,
    valid_until BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);

-- The raw bytes stand last, so that reading a body never walks over them.
CREATE TABLE journal (
    tenant_id BYTEA   NOT NULL,
    run_id    BYTEA   NOT NULL,
    seq       BIGINT  NOT NULL,
    branch    BIGINT  NOT NULL,
    at        BIGINT  NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    taint     TEXT COLLATE "C" NOT NULL,
    data_key  BYTEA,
    body      BYTEA   NOT NULL,
    raw       BYTEA,
    PRIMARY KEY (tenant_id, run_id, seq),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION aamas_append_only();

CREATE TABLE inbox (
    tenant_id   BYTEA   NOT NULL,
    run_id      BYTEA   NOT NULL,
    seq         BIGINT  NOT NULL,
    message_key TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    author      TEXT COLLATE "C" NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT  NOT NULL,
    taken_at    BIGINT,
    PRIMARY KEY (tenant_id, run_id, seq),
    UNIQUE (tenant_id, run_id, message_key),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);
CREATE INDEX inbox_pending ON inbox (tenant_id, run_id, seq) WHERE taken_at IS NULL;

CREATE TABLE outbox (
    tenant_id  BYTEA   NOT NULL,
    position   BIGINT  NOT NULL,
    event_id   BYTEA   NOT NULL,
    type       TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    data       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT  NOT NULL,
    sent_at    BIGINT,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, event_id)
);
CREATE INDEX outbox_unsent ON outbox (tenant_id, position) WHERE sent_at IS NULL;

CREATE TABLE pull_requests (
    tenant_id    BYTEA   NOT NULL,
    pr_id        BYTEA   NOT NULL,
    run_id       BYTEA   NOT NULL,
    number       BIGINT  NOT NULL,
    forge_number BIGINT,
    title        TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    doc          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, pr_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);
CREATE UNIQUE INDEX pull_requests_by_number ON pull_requests (tenant_id, number);
CREATE INDEX pull_requests_by_run ON pull_requests (tenant_id, run_id);

-- One row for each content; the bytes are in a file and were flushed to the disk before the row came.
CREATE TABLE objects (
    tenant_id  BYTEA   NOT NULL,
    hash       BYTEA   NOT NULL,
    size       BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);

CREATE TABLE artifacts (
    tenant_id   BYTEA   NOT NULL,
    artifact_id BYTEA   NOT NULL,
    run_id      BYTEA   NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    hash        BYTEA   NOT NULL,
    size        BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, artifact_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id),
    FOREIGN KEY (tenant_id, hash) REFERENCES objects (tenant_id, hash)
);
CREATE INDEX artifacts_by_run ON artifacts (tenant_id, run_id);
CREATE INDEX artifacts_by_hash ON artifacts (tenant_id, hash);

-- How many bytes all objects of a tenant have together: what the quota is held against.
CREATE TABLE storage (
    tenant_id    BYTEA   NOT NULL,
    object_bytes BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE cache (
    tenant_id  BYTEA   NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    value      BYTEA   NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX cache_by_age ON cache (tenant_id, created_at);

CREATE TABLE budgets (
    tenant_id          BYTEA   NOT NULL,
    run_id             BYTEA   NOT NULL,
    limit_nano_usd     BIGINT,
    spent_nano_usd     BIGINT  NOT NULL,
    reserved_nano_usd  BIGINT  NOT NULL,
    calls              BIGINT  NOT NULL,
    unpriced_calls     BIGINT  NOT NULL,
    input_tokens       BIGINT  NOT NULL,
    cached_tokens      BIGINT  NOT NULL,
    cache_write_tokens BIGINT  NOT NULL,
    output_tokens      BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);

SELECT aamas_protect('tasks');
SELECT aamas_protect('runs');
SELECT aamas_protect('steps');
SELECT aamas_protect('attempts');
SELECT aamas_protect('leases');
SELECT aamas_protect('journal');
SELECT aamas_protect('inbox');
SELECT aamas_protect('outbox');
SELECT aamas_protect('pull_requests');
SELECT aamas_protect('objects');
SELECT aamas_protect('artifacts');
SELECT aamas_protect('storage');
SELECT aamas_protect('cache');
SELECT aamas_protect('budgets');

-- Beside the trigger: the application may not even try.
REVOKE UPDATE, DELETE ON journal FROM aamas_app;

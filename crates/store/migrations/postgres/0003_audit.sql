-- The audit of each tenant. The payload of an entry is what is hashed, byte for byte; the columns before it repeat parts of it for
-- queries. How hashes, frontiers and checkpoints are made is not the database's business.

CREATE TABLE audit_entries (
    tenant_id    BYTEA   NOT NULL,
    seq          BIGINT  NOT NULL,
    at           BIGINT  NOT NULL,
    actor_kind   TEXT COLLATE "C" NOT NULL,
    actor_id     TEXT COLLATE "C" NOT NULL,
    action       TEXT COLLATE "C" NOT NULL,
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id   TEXT COLLATE "C" NOT NULL,
    outcome      TEXT COLLATE "C" NOT NULL,
    prev_hash    BYTEA   NOT NULL,
    hash         BYTEA   NOT NULL,
    payload      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
CREATE INDEX audit_by_actor ON audit_entries (tenant_id, actor_id, seq);
CREATE INDEX audit_by_action ON audit_entries (tenant_id, action, seq);
CREATE INDEX audit_by_subject ON audit_entries (tenant_id, subject_id, seq);
CREATE TRIGGER audit_entries_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION aamas_append_only();

-- Where the log of a tenant ends: number and hash of its last entry, and the right-hand edge of its Merkle tree.
CREATE TABLE audit_head (
    tenant_id BYTEA   NOT NULL,
    seq       BIGINT  NOT NULL,
    hash      BYTEA   NOT NULL,
    frontier  BYTEA   NOT NULL,
    PRIMARY KEY (tenant_id)
);
CREATE TRIGGER audit_head_is_not_deleted BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION aamas_append_only();
CREATE TRIGGER audit_head_only_rises BEFORE UPDATE ON audit_head
    FOR EACH ROW WHEN (NEW.tenant_id <> OLD.tenant_id OR NEW.seq <> OLD.seq + 1)
    EXECUTE FUNCTION aamas_append_only();

CREATE TABLE audit_checkpoints (
    tenant_id BYTEA   NOT NULL,
    size      BIGINT  NOT NULL,
    note      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, size)
);
CREATE TRIGGER audit_checkpoints_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION aamas_append_only();

SELECT aamas_protect('audit_entries');
SELECT aamas_protect('audit_head');
SELECT aamas_protect('audit_checkpoints');

-- Beside the triggers: the application may not even try.
REVOKE UPDATE, DELETE ON audit_entries, audit_checkpoints FROM aamas_app;
REVOKE DELETE ON audit_head FROM aamas_app;

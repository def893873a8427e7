-- The audit of each tenant. The payload of an entry is what is hashed, byte for byte; the columns before it repeat parts of it for
-- queries. How hashes, frontiers and checkpoints are made is not the database's business.

CREATE TABLE audit_entries (
    tenant_id    BLOB    NOT NULL,
    seq          INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    subject_kind TEXT    NOT NULL,
    subject_id   TEXT    NOT NULL,
    outcome      TEXT    NOT NULL,
    prev_hash    BLOB    NOT NULL,
    hash         BLOB    NOT NULL,
    payload      TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT;
CREATE INDEX audit_by_actor ON audit_entries (tenant_id, actor_id, seq);
CREATE INDEX audit_by_action ON audit_entries (tenant_id, action, seq);
CREATE INDEX audit_by_subject ON audit_entries (tenant_id, subject_id, seq);

CREATE TRIGGER audit_entries_are_not_updated BEFORE UPDATE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE TRIGGER audit_entries_are_not_deleted BEFORE DELETE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- Where the log of a tenant ends: number and hash of its last entry, and the right-hand edge of its Merkle tree.
CREATE TABLE audit_head (
    tenant_id BLOB    NOT NULL,
    seq       INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    frontier  BLOB    NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

CREATE TRIGGER audit_head_is_not_deleted BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE TRIGGER audit_head_only_rises BEFORE UPDATE ON audit_head
WHEN NEW.tenant_id <> OLD.tenant_id OR NEW.seq <> OLD.seq + 1
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TABLE audit_checkpoints (
    tenant_id BLOB    NOT NULL,
    size      INTEGER NOT NULL,
    note      TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, size)
) STRICT;

CREATE TRIGGER audit_checkpoints_are_not_updated BEFORE UPDATE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE TRIGGER audit_checkpoints_are_not_deleted BEFORE DELETE ON audit_checkpoints
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

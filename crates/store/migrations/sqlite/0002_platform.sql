-- Organizations, people, projects, agents, and what is asked of the engine. What belongs to the installation itself
-- (accounts, the list of organizations) stands under the tenant of the installation.

CREATE TABLE organizations (
    tenant_id  BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

-- Of the installation: which organizations there are.
CREATE TABLE directory (
    tenant_id       BLOB    NOT NULL,
    organization_id BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, organization_id)
) STRICT;

-- Of the installation: people's accounts. The e-mail address is in lower case.
CREATE TABLE users (
    tenant_id     BLOB    NOT NULL,
    user_id       BLOB    NOT NULL,
    email         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    password_hash TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    doc           TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    UNIQUE (tenant_id, email)
) STRICT;

-- Of the installation: who a person is to a provider of identities.
CREATE TABLE identities (
    tenant_id  BLOB    NOT NULL,
    issuer     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    user_id    BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id)
) STRICT;

-- Of the installation: the organizations of a person.
CREATE TABLE affiliations (
    tenant_id       BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    organization_id BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, user_id, organization_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id)
) STRICT;

-- The people of an organization, with a copy of what the organization may know of them.
CREATE TABLE members (
    tenant_id  BLOB    NOT NULL,
    user_id    BLOB    NOT NULL,
    email      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) STRICT;

-- Sessions, API tokens, invitations, links to sign in with, tickets: only the digest of the secret is kept.
CREATE TABLE credentials (
    tenant_id     BLOB    NOT NULL,
    digest        BLOB    NOT NULL,
    credential_id BLOB    NOT NULL,
    kind          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    user_id       BLOB,
    role          TEXT,
    project_id    BLOB,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER,
    ended_at      INTEGER,
    doc           TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, digest),
    UNIQUE (tenant_id, credential_id)
) STRICT;
CREATE INDEX credentials_by_user ON credentials (tenant_id, user_id);

CREATE TABLE policies (
    tenant_id  BLOB    NOT NULL,
    policy_id  BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, policy_id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE receipts (
    tenant_id  BLOB    NOT NULL,
    number     INTEGER NOT NULL,
    receipt_id BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    principal  TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    resource   TEXT    NOT NULL,
    decision   TEXT    NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, number),
    UNIQUE (tenant_id, receipt_id)
) STRICT;

-- How often somebody read something on a day (days since the Unix epoch).
CREATE TABLE read_counts (
    tenant_id BLOB    NOT NULL,
    day       INTEGER NOT NULL,
    principal TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    reads     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, principal, action)
) STRICT;

CREATE TABLE idempotency_keys (
    tenant_id    BLOB    NOT NULL,
    principal    TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    answer       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, principal, key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at);

CREATE TABLE projects (
    tenant_id      BLOB    NOT NULL,
    project_id     BLOB    NOT NULL,
    number         INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    repository_url TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    doc            TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, project_id)
) STRICT;
CREATE UNIQUE INDEX projects_by_number ON projects (tenant_id, number);

CREATE TABLE agents (
    tenant_id      BLOB    NOT NULL,
    agent_id       BLOB    NOT NULL,
    number         INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    specialization TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    last_active    INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    doc            TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, agent_id),
    UNIQUE (tenant_id, name)
) STRICT;
CREATE UNIQUE INDEX agents_by_number ON agents (tenant_id, number);

ALTER TABLE tasks ADD COLUMN title TEXT;
ALTER TABLE tasks ADD COLUMN project_id BLOB;
ALTER TABLE tasks ADD COLUMN assigned_agent BLOB;
ALTER TABLE tasks ADD COLUMN due_at INTEGER;
-- Since when an engine should work on it; null while nobody wants that.
ALTER TABLE tasks ADD COLUMN wanted_at INTEGER;
ALTER TABLE tasks ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX tasks_by_project ON tasks (tenant_id, project_id, number);
CREATE INDEX tasks_wanted ON tasks (tenant_id, priority, number) WHERE wanted_at IS NOT NULL;

CREATE TABLE task_dependencies (
    tenant_id  BLOB NOT NULL,
    task_id    BLOB NOT NULL,
    depends_on BLOB NOT NULL,
    PRIMARY KEY (tenant_id, task_id, depends_on),
    FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, task_id),
    FOREIGN KEY (tenant_id, depends_on) REFERENCES tasks (tenant_id, task_id)
) STRICT;
CREATE INDEX task_dependencies_backwards ON task_dependencies (tenant_id, depends_on);

-- Scores are thousandths; null where nothing was measured.
CREATE TABLE code_artifacts (
    tenant_id           BLOB    NOT NULL,
    artifact_id         BLOB    NOT NULL,
    number              INTEGER NOT NULL,
    project_id          BLOB    NOT NULL,
    run_id              BLOB    NOT NULL,
    file_path           TEXT    NOT NULL,
    language            TEXT    NOT NULL,
    generated_by        TEXT    NOT NULL,
    hash                BLOB,
    quality_score       INTEGER,
    test_coverage       INTEGER,
    documentation_score INTEGER,
    created_at          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, artifact_id),
    UNIQUE (tenant_id, run_id, file_path),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
) STRICT;
CREATE UNIQUE INDEX code_artifacts_by_number ON code_artifacts (tenant_id, number);
CREATE INDEX code_artifacts_by_project ON code_artifacts (tenant_id, project_id, number);

-- What the engine was asked to do, beside runs: bring in a repository, merge, fork, replay, export.
CREATE TABLE operations (
    tenant_id    BLOB    NOT NULL,
    operation_id BLOB    NOT NULL,
    number       INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    asked_by     TEXT    NOT NULL,
    request      TEXT    NOT NULL,
    result       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, operation_id)
) STRICT;
CREATE UNIQUE INDEX operations_by_number ON operations (tenant_id, number);
CREATE INDEX operations_open ON operations (tenant_id, number) WHERE state IN ('queued', 'running');

-- What was measured of the installation or an organization: values in thousandths of the metric's unit.
CREATE TABLE samples (
    tenant_id BLOB    NOT NULL,
    metric    TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    value     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, metric, at)
) STRICT;

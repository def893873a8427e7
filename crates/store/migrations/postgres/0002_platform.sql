-- Organizations, people, projects, agents, and what is asked of the engine. What belongs to the installation itself
-- (accounts, the list of organizations) stands under the tenant of the installation.

CREATE TABLE organizations (
    tenant_id  BYTEA   NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    version    BIGINT  NOT NULL,
    doc        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- Of the installation: which organizations there are.
CREATE TABLE directory (
    tenant_id       BYTEA   NOT NULL,
    organization_id BYTEA   NOT NULL,
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, organization_id)
);

-- Of the installation: people's accounts. The e-mail address is in lower case.
CREATE TABLE users (
    tenant_id     BYTEA   NOT NULL,
    user_id       BYTEA   NOT NULL,
    email         TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C",
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    version       BIGINT  NOT NULL,
    doc           TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    UNIQUE (tenant_id, email)
);

-- Of the installation: who a person is to a provider of identities.
CREATE TABLE identities (
    tenant_id  BYTEA   NOT NULL,
    issuer     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    user_id    BYTEA   NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id)
);

-- Of the installation: the organizations of a person.
CREATE TABLE affiliations (
    tenant_id       BYTEA   NOT NULL,
    user_id         BYTEA   NOT NULL,
    organization_id BYTEA   NOT NULL,
    PRIMARY KEY (tenant_id, user_id, organization_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id)
);

-- The people of an organization, with a copy of what the organization may know of them.
CREATE TABLE members (
    tenant_id  BYTEA   NOT NULL,
    user_id    BYTEA   NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    version    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);

-- Sessions, API tokens, invitations, links to sign in with, tickets: only the digest of the secret is kept.
CREATE TABLE credentials (
    tenant_id     BYTEA   NOT NULL,
    digest        BYTEA   NOT NULL,
    credential_id BYTEA   NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    user_id       BYTEA,
    role          TEXT COLLATE "C",
    project_id    BYTEA,
    created_at    BIGINT  NOT NULL,
    expires_at    BIGINT,
    last_used_at  BIGINT,
    ended_at      BIGINT,
    doc           TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, digest),
    UNIQUE (tenant_id, credential_id)
);
CREATE INDEX credentials_by_user ON credentials (tenant_id, user_id);

CREATE TABLE policies (
    tenant_id  BYTEA   NOT NULL,
    policy_id  BYTEA   NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    text       TEXT COLLATE "C" NOT NULL,
    enabled    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    version    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, policy_id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE receipts (
    tenant_id  BYTEA   NOT NULL,
    number     BIGINT  NOT NULL,
    receipt_id BYTEA   NOT NULL,
    at         BIGINT  NOT NULL,
    principal  TEXT COLLATE "C" NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    resource   TEXT COLLATE "C" NOT NULL,
    decision   TEXT COLLATE "C" NOT NULL,
    doc        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, number),
    UNIQUE (tenant_id, receipt_id)
);

-- How often somebody read something on a day (days since the Unix epoch).
CREATE TABLE read_counts (
    tenant_id BYTEA   NOT NULL,
    day       BIGINT  NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    action    TEXT COLLATE "C" NOT NULL,
    reads     BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, day, principal, action)
);

CREATE TABLE idempotency_keys (
    tenant_id    BYTEA   NOT NULL,
    principal    TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    request_hash BYTEA   NOT NULL,
    status       BIGINT  NOT NULL,
    answer       TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, principal, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at);

CREATE TABLE projects (
    tenant_id      BYTEA   NOT NULL,
    project_id     BYTEA   NOT NULL,
    number         BIGINT  NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    repository_url TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL,
    version        BIGINT  NOT NULL,
    doc            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, project_id)
);
CREATE UNIQUE INDEX projects_by_number ON projects (tenant_id, number);

CREATE TABLE agents (
    tenant_id      BYTEA   NOT NULL,
    agent_id       BYTEA   NOT NULL,
    number         BIGINT  NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    specialization TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    last_active    BIGINT  NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL,
    version        BIGINT  NOT NULL,
    doc            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, agent_id),
    UNIQUE (tenant_id, name)
);
CREATE UNIQUE INDEX agents_by_number ON agents (tenant_id, number);

ALTER TABLE tasks ADD COLUMN title TEXT COLLATE "C";
ALTER TABLE tasks ADD COLUMN project_id BYTEA;
ALTER TABLE tasks ADD COLUMN assigned_agent BYTEA;
ALTER TABLE tasks ADD COLUMN due_at BIGINT;
-- Since when an engine should work on it; null while nobody wants that.
ALTER TABLE tasks ADD COLUMN wanted_at BIGINT;
ALTER TABLE tasks ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX tasks_by_project ON tasks (tenant_id, project_id, number);
CREATE INDEX tasks_wanted ON tasks (tenant_id, priority, number) WHERE wanted_at IS NOT NULL;

CREATE TABLE task_dependencies (
    tenant_id  BYTEA   NOT NULL,
    task_id    BYTEA   NOT NULL,
    depends_on BYTEA   NOT NULL,
    PRIMARY KEY (tenant_id, task_id, depends_on),
    FOREIGN KEY (tenant_id, task_id) REFERENCES tasks (tenant_id, task_id),
    FOREIGN KEY (tenant_id, depends_on) REFERENCES tasks (tenant_id, task_id)
);
CREATE INDEX task_dependencies_backwards ON task_dependencies (tenant_id, depends_on);

-- Scores are thousandths; null where nothing was measured.
CREATE TABLE code_artifacts (
    tenant_id           BYTEA   NOT NULL,
    artifact_id         BYTEA   NOT NULL,
    number              BIGINT  NOT NULL,
    project_id          BYTEA   NOT NULL,
    run_id              BYTEA   NOT NULL,
    file_path           TEXT COLLATE "C" NOT NULL,
    language            TEXT COLLATE "C" NOT NULL,
    generated_by        TEXT COLLATE "C" NOT NULL,
    hash                BYTEA,
    quality_score       BIGINT,
    test_coverage       BIGINT,
    documentation_score BIGINT,
    created_at          BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, artifact_id),
    UNIQUE (tenant_id, run_id, file_path),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);
CREATE UNIQUE INDEX code_artifacts_by_number ON code_artifacts (tenant_id, number);
CREATE INDEX code_artifacts_by_project ON code_artifacts (tenant_id, project_id, number);

-- What the engine was asked to do, beside runs: bring in a repository, merge, fork, replay, export.
CREATE TABLE operations (
    tenant_id    BYTEA   NOT NULL,
    operation_id BYTEA   NOT NULL,
    number       BIGINT  NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    subject      TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    asked_by     TEXT COLLATE "C" NOT NULL,
    request      TEXT COLLATE "C" NOT NULL,
    result       TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, operation_id)
);
CREATE UNIQUE INDEX operations_by_number ON operations (tenant_id, number);
CREATE INDEX operations_open ON operations (tenant_id, number) WHERE state IN ('queued', 'running');

-- What was measured of the installation or an organization: values in thousandths of the metric's unit.
CREATE TABLE samples (
    tenant_id BYTEA   NOT NULL,
    metric    TEXT COLLATE "C" NOT NULL,
    at        BIGINT  NOT NULL,
    value     BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, metric, at)
);

SELECT aamas_protect('organizations');
SELECT aamas_protect('directory');
SELECT aamas_protect('users');
SELECT aamas_protect('identities');
SELECT aamas_protect('affiliations');
SELECT aamas_protect('members');
SELECT aamas_protect('credentials');
SELECT aamas_protect('policies');
SELECT aamas_protect('receipts');
SELECT aamas_protect('read_counts');
SELECT aamas_protect('idempotency_keys');
SELECT aamas_protect('projects');
SELECT aamas_protect('agents');
SELECT aamas_protect('task_dependencies');
SELECT aamas_protect('code_artifacts');
SELECT aamas_protect('operations');
SELECT aamas_protect('samples');

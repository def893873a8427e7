//! Whether the database keeps the rows of tenants apart: by its catalogue, and by trying.

use domain::TenantId;

use super::address::Address;
use super::connection::{Connection, ROLE};
use crate::error::StoreError;

const DOING: &str = "look how tenants are kept apart";

/// Each row is a sentence on a relation or a role that would let rows of one tenant reach another.
///
/// Looked at is what the application may use, and every table with a tenant, in all schemas: a table is covered when
/// row-level security is on and forced, and its only policy is the one of `aamas_protect`.
const FINDINGS: &str = "
WITH app AS (SELECT * FROM pg_roles WHERE rolname = '{ROLE}'),
relations AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relowner, c.relrowsecurity AND c.relforcerowsecurity AS forced,
           COALESCE('security_invoker=true' = ANY (c.reloptions) OR 'security_invoker=on' = ANY (c.reloptions), false) AS invoker,
           EXISTS (SELECT 1 FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS has_tenant,
           has_table_privilege(app.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
               OR has_any_column_privilege(app.oid, c.oid, 'SELECT, INSERT, UPDATE') AS usable
    FROM app, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
),
policies AS (
    SELECT polrelid, count(*) AS count,
           bool_and(polcmd = '*' AND polpermissive AND polroles = '{0}'
                    AND pg_get_expr(polqual, polrelid) ~ '^\\(tenant_id = \\( SELECT ([a-z_\"]+\\.)?aamas_tenant\\(\\)[^)]*\\)\\)$'
                    AND pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid)) AS ours
    FROM pg_policy GROUP BY polrelid
)
SELECT 'the role {ROLE} is not there' WHERE NOT EXISTS (SELECT 1 FROM app)
UNION ALL
SELECT 'the role {ROLE} is, or may become, ' || r.rolname || ', which goes around row-level security'
FROM app, pg_roles r WHERE (r.rolsuper OR r.rolbypassrls) AND pg_has_role(app.oid, r.oid, 'MEMBER')
UNION ALL
SELECT name || ' is owned by the role {ROLE}, or by one that it belongs to'
FROM relations, app WHERE pg_has_role(app.oid, relowner, 'MEMBER')
UNION ALL
SELECT name || ' has rows of tenants, and no forced row-level security'
FROM relations WHERE relkind IN ('r', 'p') AND (has_tenant OR usable) AND NOT forced
UNION ALL
SELECT name || ' has another policy than that of aamas_protect'
FROM relations LEFT JOIN policies ON polrelid = relations.oid
WHERE relkind IN ('r', 'p') AND (has_tenant OR usable) AND forced AND (count IS DISTINCT FROM 1 OR NOT ours)
UNION ALL
SELECT name || ' is a view that shows its owner''s rows (no security_invoker)'
FROM relations WHERE relkind = 'v' AND usable AND NOT invoker
UNION ALL
SELECT name || ' is a copy or a foreign table, which row-level security does not cover'
FROM relations WHERE relkind IN ('m', 'f') AND (has_tenant OR usable)
UNION ALL
SELECT p.oid::regprocedure || ' runs with the rights of its owner (SECURITY DEFINER)'
FROM app, pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND has_schema_privilege(app.oid, n.oid, 'USAGE') AND has_function_privilege(app.oid, p.oid, 'EXECUTE')";

/// What else should not be: keys that were never checked, indexes that a crash left half-built.
const BROKEN: &str = "
SELECT conrelid::regclass || ': ' || conname || ' was never checked' FROM pg_constraint WHERE NOT convalidated
UNION ALL
SELECT indrelid::regclass || ': ' || indexrelid::regclass || ' is not usable' FROM pg_index WHERE NOT indisvalid";

/// Refuses a database that does not keep tenants apart.
pub(super) fn refuse_unprotected(connection: &Connection, address: &Address) -> Result<(), StoreError> {
    let unprotected = |detail: String| StoreError::Unprotected { address: address.shown.clone(), detail };
    let findings = findings(connection)?;
    if !findings.is_empty() {
        return Err(unprotected(findings.join("; ")));
    }
    let result = trials(connection);
    connection.roll_back()?;
    match result? {
        None => Ok(()),
        Some(finding) => Err(unprotected(finding.to_owned())),
    }
}

/// What the catalogue shows, a sentence each.
pub(super) fn findings(connection: &Connection) -> Result<Vec<String>, StoreError> {
    sentences(connection, DOING, &FINDINGS.replace("{ROLE}", ROLE))
}

/// What a thorough check finds beside that.
pub(super) fn broken(connection: &Connection) -> Result<Vec<String>, StoreError> {
    sentences(connection, "look for what is broken", BROKEN)
}

fn sentences(connection: &Connection, doing: &str, text: &str) -> Result<Vec<String>, StoreError> {
    let rows = connection.ask(doing, text)?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// Does what must be refused, and what must not, in a transaction that is undone afterwards. What was wrongly done, if
/// anything was.
fn trials(connection: &Connection) -> Result<Option<&'static str>, StoreError> {
    let is_refused = |text: &str| match connection.run(DOING, text) {
        Err(StoreError::Denied { .. }) => Ok(true),
        Err(error) => Err(error),
        Ok(()) => Ok(false),
    };
    let put = |tenant: &str| {
        format!(
            "INSERT INTO cache (tenant_id, key, value, created_at) VALUES ({tenant}, 'aamas.trial', ''::bytea, 0)"
        )
    };
    connection.begin_reading(TenantId::LOCAL)?;
    if !is_refused("SET LOCAL aamas.tenant_id = ''; SELECT aamas_tenant()")? {
        return Ok(Some("a transaction without a tenant is not refused"));
    }
    connection.roll_back()?;
    connection.run(DOING, "BEGIN")?;
    connection.run(DOING, &super::connection::as_tenant(TenantId::LOCAL))?;
    connection.run(DOING, &put("aamas_tenant()"))?;
    if !is_refused(&put(r"'\xffffffffffffffffffffffffffffffff'::bytea"))? {
        return Ok(Some("a tenant may write a row of another one"));
    }
    Ok(None)
}

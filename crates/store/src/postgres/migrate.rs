//! Migrations of PostgreSQL: forward only, numbered as SQLite's, each in one transaction under a lock.

use super::address::Address;
use super::connection::{Connection, ROLE};
use crate::error::{DatabaseFailure, StoreError};

/// The migrations in their order; the version of a database is how many of them it has.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_initial.sql"),
    include_str!("../../migrations/postgres/0002_platform.sql"),
    include_str!("../../migrations/postgres/0003_audit.sql"),
];

/// Held by the transaction that migrates: "AAMASMIG".
const LOCK: i64 = 0x4141_4d41_534d_4947;

/// The one table that is no tenant's, and that the application can't see.
const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS aamas_schema (version BIGINT NOT NULL)";

/// Brings the database to the version of this release.
pub(super) fn migrate(
    connection: &Connection,
    address: &Address,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let supported = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    while version(connection, address, supported)? < supported {
        ensure_role(connection, address)?;
        let stepped = step(connection, address, migrations, supported);
        if stepped.is_err() {
            // The server has undone it; what it says to this is of no use.
            let _ = connection.roll_back();
        }
        stepped?;
    }
    Ok(())
}

/// Runs the next migration, unless another process was faster.
fn step(
    connection: &Connection,
    address: &Address,
    migrations: &[&str],
    supported: u32,
) -> Result<(), StoreError> {
    // However long the other one takes; but no longer than usual for a table that somebody uses.
    let wait = format!(
        "BEGIN; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({LOCK}); SET LOCAL lock_timeout = '30s'"
    );
    connection.run("wait for a migration", &wait)?;
    let found = version(connection, address, supported)?;
    if let Some(text) = migrations.get(found as usize) {
        if found == 0 {
            refuse_encoding(connection, address)?;
        } else {
            tracing::info!(from = found, to = found + 1, database = %address.shown, "migrating the database");
        }
        connection.run("migrate the database", VERSION_TABLE)?;
        connection.run("migrate the database", text).map_err(|error| foreign(error, found, address))?;
        crate::fault_point!("store.migration.half");
        let to = found + 1;
        let record = format!("DELETE FROM aamas_schema; INSERT INTO aamas_schema VALUES ({to})");
        connection.run("migrate the database", &record)?;
    }
    connection.run("migrate the database", "COMMIT")
}

/// The version of the database: 0 if it is empty.
fn version(connection: &Connection, address: &Address, supported: u32) -> Result<u32, StoreError> {
    let doing = "read the version of the database";
    // A look at the catalogue itself: names are cached, and within a transaction that waited for a lock wrongly so.
    let there = connection.ask_one(
        doing,
        "SELECT 1 FROM pg_class WHERE relname = 'aamas_schema' AND relnamespace = current_schema()::regnamespace",
    )?;
    if there.is_none() {
        return Ok(0);
    }
    let found = connection.ask_one(doing, "SELECT max(version) FROM aamas_schema")?;
    let found = found.and_then(|found| found.parse().ok()).ok_or_else(|| StoreError::Corrupt {
        path: address.shown.as_str().into(),
        detail: "its version is missing".to_owned(),
    })?;
    if found > supported {
        return Err(StoreError::NewerSchema { path: address.shown.as_str().into(), found, supported });
    }
    Ok(found)
}

/// A table of the same name that is there before the first migration is somebody else's.
fn foreign(error: StoreError, found: u32, address: &Address) -> StoreError {
    match error {
        StoreError::Database { source: DatabaseFailure { code, message }, .. }
            if found == 0 && matches!(code.as_str(), "42P07" | "42723" | "42710") =>
        {
            StoreError::Corrupt {
                path: address.shown.as_str().into(),
                detail: format!("it belongs to another program: {message}"),
            }
        }
        error => error,
    }
}

fn refuse_encoding(connection: &Connection, address: &Address) -> Result<(), StoreError> {
    match connection.ask_one("read the encoding of the database", "SHOW server_encoding")? {
        Some(encoding) if encoding != "UTF8" => Err(StoreError::Corrupt {
            path: address.shown.as_str().into(),
            detail: format!("its encoding is {encoding}; only UTF8 can hold every text"),
        }),
        _ => Ok(()),
    }
}

/// Creates the role of the application if it is missing, and lets this user take it on. A role belongs to all databases
/// of a server, so another one may have it already, or create it right now.
fn ensure_role(connection: &Connection, address: &Address) -> Result<(), StoreError> {
    let doing = "look for the role of the application";
    let exists = format!("SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'");
    let member = format!("SELECT 1 WHERE pg_has_role('{ROLE}', 'MEMBER')");
    let missing = |error: StoreError| match error {
        StoreError::Unreachable { .. } => error,
        error => StoreError::RoleMissing {
            address: address.shown.clone(),
            role: ROLE,
            detail: match error {
                StoreError::Database { source, .. } => source.message,
                error => error.to_string(),
            },
        },
    };
    if connection.ask_one(doing, &exists)?.is_none() {
        let created =
            connection.run("create the role of the application", &format!("CREATE ROLE {ROLE} NOLOGIN"));
        if connection.ask_one(doing, &exists)?.is_none() {
            created.map_err(missing)?;
        }
    }
    if connection.ask_one(doing, &member)?.is_none() {
        let granted =
            connection.run("take on the role of the application", &format!("GRANT {ROLE} TO CURRENT_USER"));
        if connection.ask_one(doing, &member)?.is_none() {
            granted.map_err(missing)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::TenantId;

    use super::*;
    use crate::page::Page;
    use crate::store::{OpenOptions, Store};
    use crate::test_server::{Direct, Scratch};

    fn open(dir: &std::path::Path, database: &Scratch, migrations: &[&str]) -> Result<Store, StoreError> {
        Store::open_postgres_with(dir, &database.url(), OpenOptions::default(), migrations)
    }

    fn keep(store: &Store, key: &'static str) {
        let at = domain::Timestamp::from_micros(1);
        store.write_blocking(TenantId::LOCAL, move |tx| tx.cache_put(key, b"", at)).expect("a value");
    }

    fn is_kept(store: &Store, key: &str) -> bool {
        store.read_blocking(TenantId::LOCAL, |tx| tx.cache_get(key)).expect("a look").is_some()
    }

    #[test]
    fn a_filled_database_is_migrated_on_postgres_and_then_too_new_for_older_releases() {
        let (dir, database) = (tempfile::tempdir().expect("a temporary directory"), Scratch::new());
        keep(&open(dir.path(), &database, MIGRATIONS).expect("an empty database opens"), "old");
        let more = "CREATE TABLE more (tenant_id BYTEA PRIMARY KEY); SELECT aamas_protect('more');";
        let next = [MIGRATIONS, &[more]].concat();
        let new = open(dir.path(), &database, &next).expect("it migrates");
        assert!(is_kept(&new, "old"));
        let refused = open(dir.path(), &database, MIGRATIONS);
        assert!(
            matches!(refused, Err(StoreError::NewerSchema { found, supported, .. }) if found == supported + 1),
            "{refused:?}"
        );
    }

    /// Each migration is tried on a database that its forerunner filled.
    #[test]
    fn every_migration_keeps_what_was_there_on_postgres() {
        for before in 1..MIGRATIONS.len() {
            let (dir, database) = (tempfile::tempdir().expect("a temporary directory"), Scratch::new());
            drop(open(dir.path(), &database, &MIGRATIONS[..before]).expect("an empty database opens"));
            Direct::to(&database.url())
                .run(
                    "BEGIN; SET LOCAL ROLE aamas_app; SET LOCAL aamas.tenant_id = '00000000000000000000000000000000';
                     INSERT INTO tasks (tenant_id, task_id, number, text, kind, state, priority, created_at, updated_at, doc)
                     VALUES (aamas_tenant(), aamas_tenant(), 1, 'kept', 'fix', 'submitted', 0, 1, 1, 'null'); COMMIT",
                )
                .expect("a row of that version");
            let store = open(dir.path(), &database, MIGRATIONS).expect("it migrates the rest");
            let tasks = store.read_blocking(TenantId::LOCAL, |tx| tx.tasks(None, Page::newest(9)));
            assert_eq!(tasks.expect("a look").len(), 1, "after version {before}");
            assert_eq!(store.check(TenantId::LOCAL).expect("a check").findings, [""; 0]);
        }
    }

    #[test]
    fn a_migration_that_fails_changes_nothing_on_postgres() {
        let (dir, database) = (tempfile::tempdir().expect("a temporary directory"), Scratch::new());
        keep(&open(dir.path(), &database, MIGRATIONS).expect("an empty database opens"), "old");
        let broken =
            [MIGRATIONS, &["CREATE TABLE more (a BIGINT); DROP TABLE cache; DROP TABLE nothing;"]].concat();
        let refused = open(dir.path(), &database, &broken);
        assert!(
            matches!(&refused, Err(StoreError::Database { source, .. }) if source.code == "42P01"),
            "{refused:?}"
        );
        let store = open(dir.path(), &database, MIGRATIONS).expect("it is as it was");
        assert!(is_kept(&store, "old"));
        assert_eq!(store.check(TenantId::LOCAL).expect("a check").findings, [""; 0]);
    }

    #[test]
    fn a_new_table_without_protection_is_not_served_on_postgres() {
        let (dir, database) = (tempfile::tempdir().expect("a temporary directory"), Scratch::new());
        let forgetful = [MIGRATIONS, &["CREATE TABLE more (tenant_id BYTEA PRIMARY KEY);"]].concat();
        let refused = open(dir.path(), &database, &forgetful);
        assert!(matches!(refused, Err(StoreError::Unprotected { .. })), "{refused:?}");
    }

    #[test]
    fn a_database_of_another_program_is_left_alone_on_postgres() {
        let (dir, database) = (tempfile::tempdir().expect("a temporary directory"), Scratch::new());
        let direct = Direct::to(&database.url());
        direct
            .run("CREATE TABLE tasks (title TEXT); INSERT INTO tasks VALUES ('theirs')")
            .expect("an empty database");
        let refused = open(dir.path(), &database, MIGRATIONS);
        assert!(
            matches!(&refused, Err(StoreError::Corrupt { detail, .. }) if detail.contains("another program")),
            "{refused:?}"
        );
        let tables =
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        assert_eq!(direct.run(tables), Ok(vec!["tasks".to_owned()]));
        assert_eq!(direct.run("SELECT title FROM tasks"), Ok(vec!["theirs".to_owned()]));
    }
}

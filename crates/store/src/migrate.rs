//! Migrations: forward only, numbered, each in one transaction; a filled database is copied first.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::directory::{Places, create_private_dir, sync_dir};
use crate::error::{DatabaseFailure, StoreError};
use crate::sqlite_tx::classify;

/// The migrations of SQLite in their order; the version of a database is how many of them it has.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/sqlite/0001_initial.sql"),
    include_str!("../migrations/sqlite/0002_platform.sql"),
    include_str!("../migrations/sqlite/0003_audit.sql"),
];

/// "AAMS": marks the file as ours.
const APPLICATION_ID: i32 = 0x4141_4d53;

/// Brings the database to the version of this release.
pub(crate) fn migrate(conn: &Connection, places: &Places, migrations: &[&str]) -> Result<(), StoreError> {
    let supported = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if version(conn, &places.database, supported)? == supported {
        return Ok(());
    }
    let _held = lock(&places.migration_lock)?;
    // Another process may have migrated while this one waited.
    let found = version(conn, &places.database, supported)?;
    if found == supported {
        return Ok(());
    }
    if found > 0 {
        let copy = back_up(conn, places, found)?;
        tracing::info!(from = found, to = supported, copy = %copy.display(), "migrating the database");
    }
    run(conn, &places.database, &migrations[found as usize..], found)
}

/// Runs all migrations on an empty database, without a lock or a copy.
#[cfg(test)]
pub(crate) fn run_all(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    run(conn, path, MIGRATIONS, 0)
}

/// The version of the database: 0 if it is empty.
fn version(conn: &Connection, path: &Path, supported: u32) -> Result<u32, StoreError> {
    let failed = |e| classify(conn, path, "read the version of the database", &e);
    // One snapshot: another process may be migrating right now.
    let snapshot = conn.unchecked_transaction().map_err(failed)?;
    let found: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let owner: i32 = conn.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    snapshot.finish().map_err(failed)?;
    let corrupt = |detail: &str| StoreError::Corrupt { path: path.to_owned(), detail: detail.to_owned() };
    match (owner, found, tables) {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, 0, _) | (APPLICATION_ID, _, 0) => Err(corrupt("its tables are missing")),
        (APPLICATION_ID, found, _) if found > supported => {
            Err(StoreError::NewerSchema { path: path.to_owned(), found, supported })
        }
        (APPLICATION_ID, found, _) => Ok(found),
        _ => Err(corrupt("it belongs to another program")),
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let failed = |e| StoreError::unwritable(path, e);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Copies the database to `backups/aamas-version-N.db`, whole and flushed; a copy of an earlier try is
/// replaced.
fn back_up(conn: &Connection, places: &Places, found: u32) -> Result<PathBuf, StoreError> {
    create_private_dir(&places.backups)?;
    let copy = places.backups.join(format!("aamas-version-{found}.db"));
    let part = copy.with_extension("part");
    let failed = |e| StoreError::io(format!("copy the database to {}", copy.display()), e);
    match fs::remove_file(&part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part).map_err(failed)?;
    let Some(target) = part.to_str() else {
        return Err(StoreError::Database {
            doing: "copy the database before its migration".to_owned(),
            source: DatabaseFailure {
                code: "0".to_owned(),
                message: format!("{} is not valid UTF-8", part.display()),
            },
        });
    };
    conn.execute("VACUUM INTO $1", [target])
        .map_err(|e| classify(conn, &places.database, "copy the database before its migration", &e))?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&part, &copy).and_then(|()| sync_dir(&places.backups)).map_err(failed)?;
    Ok(copy)
}

fn run(conn: &Connection, path: &Path, migrations: &[&str], found: u32) -> Result<(), StoreError> {
    let failed = |e| classify(conn, path, "migrate the database", &e);
    for (to, text) in (found + 1..).zip(migrations) {
        let transaction =
            rusqlite::Transaction::new_unchecked(conn, rusqlite::TransactionBehavior::Immediate)
                .map_err(failed)?;
        transaction.execute_batch(text).map_err(failed)?;
        crate::fault_point!("store.migration.half");
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", to).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::{TaskId, TenantId, Timestamp};

    use super::*;
    use crate::page::Page;
    use crate::store::{OpenOptions, Store};
    use crate::task::TaskRecord;

    fn open(dir: &Path, migrations: &[&str]) -> Result<Store, StoreError> {
        Store::open_with(dir, OpenOptions::default(), migrations)
    }

    fn task(number: u8) -> TaskRecord {
        TaskRecord::new(TaskId::from_bytes([number; 16]), "kept", Timestamp::from_micros(1))
    }

    fn add(store: &Store, number: u8) {
        store.write_blocking(TenantId::LOCAL, move |tx| tx.insert_task(&task(number))).expect("a new task");
    }

    fn tasks(store: &Store) -> usize {
        store.read_blocking(TenantId::LOCAL, |tx| tx.tasks(None, Page::newest(9))).expect("a look").len()
    }

    #[test]
    fn a_filled_database_is_copied_before_it_is_migrated() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let old = open(dir.path(), MIGRATIONS).expect("an empty directory opens");
        add(&old, 1);
        // The old one stays open: its rows may stand in the log only.
        let next =
            [MIGRATIONS, &["CREATE TABLE more (tenant_id BLOB NOT NULL PRIMARY KEY) STRICT;"]].concat();
        let new = open(dir.path(), &next).expect("it migrates");
        assert_eq!(tasks(&new), 1);
        drop((old, new));

        let refused = open(dir.path(), MIGRATIONS);
        assert!(
            matches!(refused, Err(StoreError::NewerSchema { found, supported, .. }) if found == supported + 1),
            "{refused:?}"
        );

        let restored = tempfile::tempdir().expect("a temporary directory");
        let copy = format!("backups/aamas-version-{}.db", MIGRATIONS.len());
        fs::copy(dir.path().join(copy), restored.path().join("aamas.db")).expect("a copy");
        assert_eq!(tasks(&open(restored.path(), MIGRATIONS).expect("the copy opens")), 1);
    }

    /// Each migration is tried on a database that its forerunner filled.
    #[test]
    fn every_migration_keeps_what_was_there() {
        for before in 1..MIGRATIONS.len() {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let places = crate::directory::prepare(dir.path()).expect("a new directory");
            let conn = crate::connection::open_writer(&places.database).expect("it opens");
            migrate(&conn, &places, &MIGRATIONS[..before]).expect("it migrates");
            conn.execute(
                "INSERT INTO tasks (tenant_id, task_id, number, text, kind, state, priority, created_at, updated_at, doc)
                 VALUES (?1, ?1, 1, 'kept', 'fix', 'submitted', 0, 1, 1, 'null')",
                [[0u8; 16].as_slice()],
            )
            .expect("a row of that version");
            drop(conn);
            let store = open(dir.path(), MIGRATIONS).expect("it migrates the rest");
            assert_eq!(tasks(&store), 1, "after version {before}");
            assert_eq!(store.check(TenantId::LOCAL).expect("a check").findings, [""; 0]);
        }
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        add(&open(dir.path(), MIGRATIONS).expect("an empty directory opens"), 1);
        let broken =
            [MIGRATIONS, &["CREATE TABLE more (a INTEGER); DROP TABLE journal; DROP TABLE nothing;"]]
                .concat();
        let refused = open(dir.path(), &broken);
        assert!(matches!(refused, Err(StoreError::Database { .. })), "{refused:?}");
        let store = open(dir.path(), MIGRATIONS).expect("it is as it was");
        assert_eq!(tasks(&store), 1);
        assert_eq!(store.check(TenantId::LOCAL).expect("a check").findings, [""; 0]);
    }
}

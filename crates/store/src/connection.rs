//! How a connection to SQLite is opened and set up.

use std::cell::Cell;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::sqlite_tx::classify;

/// Statements kept prepared for each connection: there are fewer than this many in `src/sql`.
const PREPARED_STATEMENTS: usize = 96;

/// Page cache of one connection. Hot pages are few: the ends of the journal's trees and the row of a run.
const PAGE_CACHE_KIB: i32 = 2048;

/// What the write-ahead log is cut back to after a checkpoint, should a long reader have let it grow.
const WAL_KEPT_BYTES: i64 = 16 << 20;

/// The one connection that writes. Creates nothing: the file is there.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let failed = |e| classify(&conn, path, "set up the database", &e);
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        let mode = switch_to_wal(&conn).map_err(failed)?;
        if mode != "wal" {
            return Err(StoreError::Unwritable {
                path: path.to_owned(),
                source: std::sync::Arc::new(std::io::Error::other("no write-ahead log can be kept here")),
            });
        }
    }
    // FULL: a commit is acknowledged when it is flushed to the disk, not before.
    conn.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = {WAL_KEPT_BYTES};"
    ))
    .map_err(failed)?;
    Ok(conn)
}

/// Gives the mode in force afterwards. SQLite does not wait for this lock as it does for others: two processes that open
/// a new database at once could wait for each other. One of them succeeds, and the others find it done.
fn switch_to_wal(conn: &Connection) -> rusqlite::Result<String> {
    let mut tries = 0;
    loop {
        match conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::DatabaseBusy && wait_for_lock(tries) =>
            {
                tries += 1;
            }
            other => return other,
        }
    }
}

/// One of the connections that read.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.execute_batch("PRAGMA query_only = ON;")
        .map_err(|e| classify(&conn, path, "set up the database", &e))?;
    Ok(conn)
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let mut conn =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|e| {
            let source = std::sync::Arc::new(std::io::Error::other(e));
            StoreError::Unwritable { path: path.to_owned(), source }
        })?;
    conn.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    // Else SQLite prepares statements anew whenever values are bound that may change their plan: half of a turn's CPU.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .and_then(|_| conn.busy_handler(Some(wait_for_lock)))
        .and_then(|()| {
            conn.execute_batch(&format!("PRAGMA cache_size = -{PAGE_CACHE_KIB}; PRAGMA temp_store = MEMORY;"))
        })
        .map_err(|e| classify(&conn, path, "set up the database", &e))?;
    Ok(conn)
}

/// Waits for a lock that another process holds: a commit takes about a millisecond, so short pauses, and eight seconds of
/// them in all, less than a request may take. (SQLite's own handler soon pauses 100 ms at a time.)
#[expect(clippy::disallowed_methods, reason = "SQLite tells nobody when another process gives up its lock")]
fn wait_for_lock(tries: i32) -> bool {
    const PAUSE: Duration = Duration::from_micros(500);
    const PATIENCE: Duration = Duration::from_secs(8);
    // SQLite counts the tries of one wait from zero, and one thread waits for one lock at a time.
    thread_local!(static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) });
    let begun = match BEGUN.get() {
        Some(begun) if tries > 0 => begun,
        _ => Instant::now(),
    };
    BEGUN.set(Some(begun));
    if begun.elapsed() >= PATIENCE {
        return false;
    }
    // The first pauses are short, the later ones a little longer, lest several waiters starve one of them.
    thread::sleep(PAUSE * (1 + u32::try_from(tries).unwrap_or(0).min(400) / 100));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A killed process can't show it, only a power cut could: so the settings that durability hangs on are
    /// read back.
    #[test]
    fn a_commit_of_the_writer_is_flushed_to_the_disk() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("aamas.db");
        std::fs::write(&path, b"").expect("our directory");
        let conn = open_writer(&path).expect("an empty file opens");
        let number = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0)).expect("a number");
        let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a word");
        let found = (mode.as_str(), number("PRAGMA synchronous"), number("PRAGMA foreign_keys"));
        assert_eq!(found, ("wal", 2, 1));
    }

    #[test]
    fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("aamas.db");
        std::fs::write(&path, b"").expect("our directory");
        let _writer = open_writer(&path).expect("an empty file opens");
        let refused = open_reader(&path).expect("it opens").execute_batch("CREATE TABLE a (b INTEGER)");
        assert!(refused.is_err());
    }
}

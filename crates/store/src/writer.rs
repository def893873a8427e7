//! The writer of SQLite: one thread, one connection, and one flush to the disk for all that waits (group commit).

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use rusqlite::Connection;
use tokio::sync::mpsc;

use crate::error::StoreError;
use crate::job::{Job, Keep, MAX_GROUP, QUEUE, Queue, answer_all};
use crate::sqlite_tx::classify;
use crate::tx::Tx;

/// What the thread knows beside its connection.
pub(crate) struct Writer {
    pub(crate) database: PathBuf,
    pub(crate) quota_bytes: u64,
    /// Which file that was when it was opened.
    pub(crate) identity: Identity,
}

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The file of this name.
    pub(crate) fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Writer {
    /// Refuses to go on once the file is not there any more, or another one is: what is written into a file without a name
    /// is lost with the process.
    fn is_in_place(&self) -> Result<(), StoreError> {
        match Identity::of(&self.database) {
            Ok(identity) if identity == self.identity => Ok(()),
            _ => Err(StoreError::Gone { path: self.database.clone() }),
        }
    }
}

/// Starts the thread; it ends when the last sender is gone and the queue is empty.
pub(crate) fn start(conn: Connection, writer: Writer) -> std::io::Result<(Queue, thread::JoinHandle<()>)> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let thread =
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || work(&conn, &writer, queue))?;
    Ok((sender, thread))
}

fn work(conn: &Connection, writer: &Writer, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        match commit_group(conn, writer, first, &mut queue) {
            Health::Good => {}
            Health::InDoubt => break,
        }
    }
    // Readers that are still open keep SQLite from doing so by itself: without this, all would lie in the log, and a copy
    // of the file alone would be empty.
    let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    // Dropping the queue answers whoever still waits with `Closed`.
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// A flush failed: the kernel may have dropped pages that it calls clean. Only a new start reads what is
    /// really there.
    InDoubt,
}

/// Runs `first` and what else waits in one transaction, then answers them all.
fn commit_group(
    conn: &Connection,
    writer: &Writer,
    first: Box<dyn Job>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Health {
    let failed = |doing: &str, e: &rusqlite::Error| classify(conn, &writer.database, doing, e);
    if let Err(gone) = writer.is_in_place() {
        answer_all(std::iter::once(first), &Err(gone));
        return Health::Good;
    }
    if let Err(e) = execute(conn, "BEGIN IMMEDIATE") {
        let error = failed("begin a transaction", &e);
        // Each of those that wait would wait for the lock as long as this one did.
        let waiting = std::iter::from_fn(|| queue.try_recv().ok()).take(QUEUE);
        let waiting = if matches!(error, StoreError::Locked { .. }) { waiting.collect() } else { Vec::new() };
        answer_all(std::iter::once(first).chain(waiting), &Err(error));
        return Health::Good;
    }
    let mut group = Vec::new();
    let mut next = Some(first);
    while let Some(mut job) = next {
        let lost = run_one(conn, writer, job.as_mut());
        group.push(job);
        if let Some(error) = lost {
            answer_all(group, &Err(error));
            return Health::Good;
        }
        next = if group.len() < MAX_GROUP { queue.try_recv().ok() } else { None };
    }
    crate::fault_point!("store.commit.before");
    let committed = execute(conn, "COMMIT");
    crate::fault_point!("store.commit.after");
    let mut health = Health::Good;
    let committed = committed.map_err(|e| {
        if is_failed_flush(&e) {
            health = Health::InDoubt;
        }
        let error = failed("commit", &e);
        let _ = execute(conn, "ROLLBACK");
        error
    });
    answer_all(group, &committed);
    health
}

/// Runs one job; an error when SQLite gave up the whole transaction (a full disk, an I/O error) and all
/// before it is lost.
fn run_one(conn: &Connection, writer: &Writer, job: &mut dyn Job) -> Option<StoreError> {
    let failed = |e: &rusqlite::Error| classify(conn, &writer.database, "write", e);
    let give_up = |error| {
        let _ = execute(conn, "ROLLBACK");
        Some(error)
    };
    if let Err(e) = execute(conn, "SAVEPOINT job") {
        return give_up(failed(&e));
    }
    let ran = job.run(Tx::sqlite(conn, &writer.database), writer.quota_bytes);
    if conn.is_autocommit() {
        return Some(ran.failure.unwrap_or(StoreError::Closed));
    }
    let end = if ran.keep == Keep::Yes { Ok(()) } else { execute(conn, "ROLLBACK TO job") };
    match end.and_then(|()| execute(conn, "RELEASE job")) {
        Ok(()) => None,
        Err(e) => give_up(failed(&e)),
    }
}

fn is_failed_flush(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi;
    let rusqlite::Error::SqliteFailure(code, _) = error else { return false };
    matches!(code.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
}

fn execute(conn: &Connection, text: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(text)?.raw_execute().map(drop)
}

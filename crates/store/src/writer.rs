//! The writer: one thread, one connection, and one flush to the disk for all that waits (group commit).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;

use domain::TenantId;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::tenant::TenantTx;
use crate::tx::{Tx, classify};

/// Writes that may wait for the writer; more make their callers wait.
const QUEUE: usize = 256;

/// Writes in one commit. Past this the flush is a small part of the cost, and the lock should be given up for
/// other processes.
const MAX_GROUP: usize = 64;

/// What a closure came to, or the panic that it ended with.
pub(crate) type Outcome<T, E> = thread::Result<Result<T, E>>;

/// A write that waits for its turn.
pub(crate) trait Job: Send {
    /// Runs the closure inside its own savepoint.
    fn run(&mut self, conn: &Connection, writer: &Writer) -> Ran;

    /// Answers the caller: with what the closure gave, or with why the commit failed.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

/// What is to be done with the savepoint of a job.
pub(crate) struct Ran {
    keep: Keep,
    /// The last failure of the storage that the closure met, handled or not.
    failure: Option<StoreError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

/// What the thread knows beside its connection.
pub(crate) struct Writer {
    pub(crate) database: PathBuf,
    pub(crate) quota_bytes: u64,
}

/// A closure, and where its answer goes.
pub(crate) struct Write<T, E, F> {
    pub(crate) tenant: TenantId,
    pub(crate) work: Option<F>,
    pub(crate) outcome: Option<Outcome<T, E>>,
    pub(crate) reply: oneshot::Sender<Outcome<T, E>>,
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut TenantTx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, conn: &Connection, writer: &Writer) -> Ran {
        let Some(work) = self.work.take() else { return Ran { keep: Keep::No, failure: None } };
        let mut tx = TenantTx::new(Tx::new(conn, &writer.database), self.tenant, writer.quota_bytes);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut tx)));
        let keep = if matches!(outcome, Ok(Ok(_))) { Keep::Yes } else { Keep::No };
        self.outcome = Some(outcome);
        Ran { keep, failure: tx.take_failure() }
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let outcome = match (self.outcome, commit) {
            // A closure that failed or panicked has its own story; it wrote nothing either way.
            (Some(outcome @ (Err(_) | Ok(Err(_)))), _) | (Some(outcome), Ok(())) => outcome,
            (_, Err(error)) => Ok(Err(error.into())),
            (None, Ok(())) => Ok(Err(StoreError::Closed.into())),
        };
        // Nobody there any more: the caller's future was dropped. What was committed stays.
        let _ = self.reply.send(outcome);
    }
}

/// Where writes are handed in.
pub(crate) type Queue = mpsc::Sender<Box<dyn Job>>;

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
    if let Err(e) = execute(conn, "BEGIN IMMEDIATE") {
        first.answer(Err(failed("begin a transaction", &e)));
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
    let ran = job.run(conn, writer);
    if conn.is_autocommit() {
        return Some(ran.failure.unwrap_or(StoreError::Closed));
    }
    let end = if ran.keep == Keep::Yes { Ok(()) } else { execute(conn, "ROLLBACK TO job") };
    match end.and_then(|()| execute(conn, "RELEASE job")) {
        Ok(()) => None,
        Err(e) => give_up(failed(&e)),
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, commit: &Result<(), StoreError>) {
    for job in group {
        job.answer(commit.clone());
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

/// The panic of a closure goes on in the thread of its caller.
pub(crate) fn resume(panic: Box<dyn Any + Send>) -> ! {
    std::panic::resume_unwind(panic)
}

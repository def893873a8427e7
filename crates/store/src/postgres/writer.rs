//! The writers of PostgreSQL: a few threads with a connection each, and one commit for all that waits of one tenant
//! (group commit).
//!
//! A tenant's writes come one after the other: in this process because it has one of the threads, and between processes
//! by an advisory lock that lasts as long as the transaction. Within a tenant the statements may therefore count rows
//! and look before they write, as in SQLite.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use domain::TenantId;
use tokio::sync::mpsc;

use super::connection::{Fate, TransactionId};
use super::{Connection, Server};
use crate::error::StoreError;
use crate::job::{Job, Keep, MAX_GROUP, QUEUE, Queue, answer_all};
use crate::tx::Tx;

/// Tenants of different threads don't wait for each other's flushes.
pub(super) const WRITERS: usize = 4;

/// How long a server that was lost in the middle of a commit is looked for. One that restarts is back within this.
const SEARCH: Duration = Duration::from_secs(10);

/// Starts a thread; it ends when the last sender is gone and the queue is empty.
pub(super) fn start(
    server: Arc<Server>,
    quota_bytes: u64,
) -> std::io::Result<(Queue, thread::JoinHandle<()>)> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let writer = Writer { server, quota_bytes, connection: None, queue, waiting: VecDeque::new() };
    let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.work())?;
    Ok((sender, thread))
}

struct Writer {
    server: Arc<Server>,
    quota_bytes: u64,
    /// Opened with the first write, and again after it was lost.
    connection: Option<Connection>,
    queue: mpsc::Receiver<Box<dyn Job>>,
    /// Taken from the queue, but of another tenant than the group that was under way.
    waiting: VecDeque<Box<dyn Job>>,
}

impl Writer {
    fn work(mut self) {
        while let Some(first) = self.next() {
            let tenant = first.tenant();
            match self.begin(tenant) {
                Ok((connection, id)) => self.commit_group(connection, &id, first),
                Err(error) => {
                    first.answer(Err(error.clone()));
                    if matches!(error, StoreError::Unreachable { .. }) {
                        // Each of them would wait for the server as long as this one did.
                        self.fetch();
                        answer_all(self.waiting.drain(..), &Err(error));
                    }
                }
            }
        }
    }

    /// A transaction of `tenant`, on a new connection if the old one is gone.
    fn begin(&mut self, tenant: TenantId) -> Result<(Connection, TransactionId), StoreError> {
        if let Some(connection) = self.connection.take().filter(|connection| !connection.is_lost()) {
            match connection.begin_writing(tenant) {
                Ok(id) => return Ok((connection, id)),
                // It lay idle and was ended meanwhile.
                Err(StoreError::Unreachable { .. }) => {}
                // The connection goes, and with it whatever state it is in.
                Err(error) => return Err(error),
            }
        }
        let connection = self.server.connect()?;
        let id = connection.begin_writing(tenant)?;
        Ok((connection, id))
    }

    /// Runs `first` and what else waits of its tenant in one transaction, then answers them all. The connection is kept
    /// if it is whole.
    fn commit_group(&mut self, connection: Connection, id: &TransactionId, first: Box<dyn Job>) {
        let tenant = first.tenant();
        let mut group = Group { connection, jobs: Vec::new(), savepoint: false };
        let mut next = Some(first);
        while let Some(job) = next {
            match group.run(job, self.quota_bytes) {
                Ok(Going::On) => {}
                Ok(Going::Ended) => return self.keep(group.connection),
                Err(error) => return answer_all(group.jobs, &Err(error)),
            }
            next = if group.jobs.len() < MAX_GROUP { self.next_of(tenant) } else { None };
        }
        crate::fault_point!("store.commit.before");
        let committed = group.connection.commit(if group.savepoint { "RELEASE job; " } else { "" });
        crate::fault_point!("store.commit.after");
        let committed = match committed {
            Ok(()) => Ok(()),
            Err(StoreError::Unreachable { detail, .. }) => self.ask_for(tenant, id, detail),
            Err(error) => Err(error),
        };
        let whole = committed.is_ok() || group.connection.roll_back().is_ok();
        answer_all(group.jobs, &committed);
        if whole {
            self.keep(group.connection);
        }
    }

    /// What became of a commit whose answer was lost.
    fn ask_for(&mut self, tenant: TenantId, id: &TransactionId, detail: String) -> Result<(), StoreError> {
        let address = self.server.address.shown.clone();
        let asked = self.server.connect_within(SEARCH).and_then(|connection| {
            let fate = connection.fate_of(tenant, id)?;
            Ok((connection, fate))
        });
        match asked {
            Ok((connection, fate)) => {
                self.keep(connection);
                match fate {
                    Fate::Committed => Ok(()),
                    Fate::Undone => Err(StoreError::Unreachable { address, detail }),
                    Fate::Unknown => Err(StoreError::OutcomeUnknown { address }),
                }
            }
            Err(_) => Err(StoreError::OutcomeUnknown { address }),
        }
    }

    fn keep(&mut self, connection: Connection) {
        if !connection.is_lost() {
            self.connection = Some(connection);
        }
    }

    /// The write that has waited longest; `None` once the store is closed and nothing waits.
    fn next(&mut self) -> Option<Box<dyn Job>> {
        self.waiting.pop_front().or_else(|| self.queue.blocking_recv())
    }

    /// The write of `tenant` that has waited longest.
    fn next_of(&mut self, tenant: TenantId) -> Option<Box<dyn Job>> {
        self.fetch();
        let at = self.waiting.iter().position(|job| job.tenant() == tenant)?;
        self.waiting.remove(at)
    }

    /// Takes what is in the queue, no more than it holds itself.
    fn fetch(&mut self) {
        while self.waiting.len() < QUEUE
            && let Ok(job) = self.queue.try_recv()
        {
            self.waiting.push_back(job);
        }
    }
}

/// Writes that are committed together.
struct Group {
    connection: Connection,
    jobs: Vec<Box<dyn Job>>,
    /// Whether the last of them has a savepoint that is not released yet.
    savepoint: bool,
}

enum Going {
    On,
    /// Nothing is left to be committed.
    Ended,
}

impl Group {
    /// Runs one more; an error when the connection is lost, and all before it with it.
    ///
    /// The first has no savepoint: if it fails, nothing else is lost with the whole transaction.
    fn run(&mut self, mut job: Box<dyn Job>, quota_bytes: u64) -> Result<Going, StoreError> {
        let is_first = self.jobs.is_empty();
        if !is_first {
            let release = if std::mem::replace(&mut self.savepoint, true) { "RELEASE job; " } else { "" };
            if let Err(error) = self.connection.run("write", &format!("{release}SAVEPOINT job")) {
                self.jobs.push(job);
                return Err(error);
            }
        }
        let ran = job.run(Tx::postgres(&self.connection), quota_bytes);
        if self.connection.is_lost() {
            self.jobs.push(job);
            return Err(ran.failure.unwrap_or(StoreError::Closed));
        }
        match (ran.keep, is_first) {
            (Keep::Yes, _) => self.jobs.push(job),
            (Keep::No, true) => {
                let undone = self.connection.roll_back();
                job.answer(undone.clone());
                return undone.map(|()| Going::Ended);
            }
            (Keep::No, false) => {
                self.jobs.push(job);
                self.connection.run("undo a write", "ROLLBACK TO job")?;
            }
        }
        Ok(Going::On)
    }
}

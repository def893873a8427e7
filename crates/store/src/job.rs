//! Writes that wait for their turn: a closure each, and where its answer goes.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use domain::TenantId;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::tenant::TenantTx;
use crate::tx::Tx;

/// Writes that may wait for a writer; more make their callers wait.
pub(crate) const QUEUE: usize = 256;

/// Writes in one commit. Past this the flush is a small part of the cost, and the lock should be given up for
/// other processes.
pub(crate) const MAX_GROUP: usize = 64;

/// What a closure came to, or the panic that it ended with.
pub(crate) type Outcome<T, E> = thread::Result<Result<T, E>>;

/// Where writes are handed in.
pub(crate) type Queue = mpsc::Sender<Box<dyn Job>>;

/// A write that waits for its turn.
pub(crate) trait Job: Send {
    /// Whose rows it writes.
    fn tenant(&self) -> TenantId;

    /// Runs the closure inside its own savepoint.
    fn run(&mut self, tx: Tx<'_>, quota_bytes: u64) -> Ran;

    /// Answers the caller: with what the closure gave, or with why the commit failed.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

/// What is to be done with the savepoint of a job.
pub(crate) struct Ran {
    pub(crate) keep: Keep,
    /// The last failure of the storage that the closure met, handled or not.
    pub(crate) failure: Option<StoreError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Yes,
    No,
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
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn run(&mut self, tx: Tx<'_>, quota_bytes: u64) -> Ran {
        let nothing = Ran { keep: Keep::No, failure: None };
        // Whoever gave up waiting was told that nothing was done.
        let Some(work) = self.work.take().filter(|_| !self.reply.is_closed()) else { return nothing };
        let mut tx = TenantTx::new(tx, self.tenant, quota_bytes);
        let mut outcome = catch_unwind(AssertUnwindSafe(|| work(&mut tx)));
        let failure = tx.take_failure();
        // PostgreSQL gives up a transaction with its first refused statement, whatever the closure makes of it; so
        // that both databases mean the same, SQLite's does too.
        if let (Ok(Ok(_)), Some(failure)) = (&outcome, &failure) {
            outcome = Ok(Err(failure.clone().into()));
        }
        let keep = if matches!(outcome, Ok(Ok(_))) { Keep::Yes } else { Keep::No };
        self.outcome = Some(outcome);
        Ran { keep, failure }
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

/// Answers every job of a group alike.
pub(crate) fn answer_all(group: impl IntoIterator<Item = Box<dyn Job>>, commit: &Result<(), StoreError>) {
    for job in group {
        job.answer(commit.clone());
    }
}

/// The panic of a closure goes on in the thread of its caller.
pub(crate) fn resume(panic: Box<dyn Any + Send>) -> ! {
    std::panic::resume_unwind(panic)
}

//! The threads that write, and the queues in front of them: one for SQLite, several for PostgreSQL.

use std::sync::{Mutex, PoisonError};
use std::thread;

use domain::TenantId;

use crate::job::Queue;

/// The writers of a store. A tenant always has the same one, so that its writes come one after the other.
pub(crate) struct Writers {
    /// Empty once the store is closed.
    queues: Mutex<Vec<Queue>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl Writers {
    pub(crate) fn new(started: impl IntoIterator<Item = (Queue, thread::JoinHandle<()>)>) -> Self {
        let (queues, threads) = started.into_iter().unzip();
        Self { queues: Mutex::new(queues), threads: Mutex::new(threads) }
    }

    /// Where the writes of `tenant` are handed in; `None` once the store is closed.
    pub(crate) fn queue_of(&self, tenant: TenantId) -> Option<Queue> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // The end of an id is random, its beginning a time.
        let [.., low] = tenant.to_bytes();
        queues.get(usize::from(low) % queues.len().max(1)).cloned()
    }

    /// Lets the writers finish what waits, and waits for them.
    pub(crate) fn close(&self) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A closure may hold the last clone of the store: its writer can't wait for itself. The threads catch the
            // panics of closures and have none of their own.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

//! The store: one data directory, opened.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use domain::TenantId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::block_on::block_on;
use crate::connection::{open_reader, open_writer};
use crate::directory::{self, Places};
use crate::error::StoreError;
use crate::migrate::{MIGRATIONS, migrate};
use crate::readers::Readers;
use crate::tenant::TenantTx;
use crate::tx::{Tx, classify};
use crate::writer::{self, Queue, Write, Writer};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// How many bytes the artifacts of one tenant may have together. Default: 20 GiB.
    pub quota_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { quota_bytes: 20 << 30 }
    }
}

/// One data directory. Clones share it; any number of processes may open the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    places: Places,
    options: OpenOptions,
    readers: Readers,
    /// `None` once the store is closed.
    queue: Mutex<Option<Queue>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Store {
    /// Opens the store in `dir`: creates what is missing, migrates what is old, refuses what is newer or
    /// damaged.
    ///
    /// Blocks for a few milliseconds; longer while another process migrates.
    ///
    /// # Errors
    /// [`StoreError::NetworkFileSystem`], [`StoreError::Unwritable`], [`StoreError::DiskFull`],
    /// [`StoreError::Corrupt`], [`StoreError::NewerSchema`], [`StoreError::Locked`].
    pub fn open(dir: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        Self::open_with(dir, options, MIGRATIONS)
    }

    pub(crate) fn open_with(
        dir: &Path,
        options: OpenOptions,
        migrations: &[&str],
    ) -> Result<Self, StoreError> {
        let places = directory::prepare(dir)?;
        let conn = open_writer(&places.database)?;
        migrate(&conn, &places, migrations)?;
        let knows = Writer { database: places.database.clone(), quota_bytes: options.quota_bytes };
        let (queue, thread) =
            writer::start(conn, knows).map_err(|e| StoreError::io("start the writer thread", e))?;
        let inner = Inner {
            readers: Readers::new(places.database.clone()),
            places,
            options,
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `work` in a transaction of `tenant` and commits it, flushed to the disk, before it answers.
    ///
    /// The closure runs on the writer's thread: no network and no waiting inside. An error or a panic undoes
    /// what this closure did and nothing else. If the future is dropped once the closure is under way, it
    /// still commits.
    ///
    /// # Errors
    /// What the closure gives; or why the commit failed, and then nothing was kept.
    pub async fn write<T, F>(&self, tenant: TenantId, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut TenantTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.transact(tenant, work).await
    }

    /// [`Store::write`] for callers that have no runtime: blocks the thread, about as long as one flush
    /// takes.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, F>(&self, tenant: TenantId, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut TenantTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        block_on(self.transact(tenant, work))
    }

    /// [`Store::write`] for closures with an error of their own: a decision that refuses also undoes.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn transact<T, E, F>(&self, tenant: TenantId, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut TenantTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { tenant, work: Some(work), outcome: None, reply });
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(StoreError::Closed)?;
        queue.send(job).await.map_err(|_| StoreError::Closed)?;
        drop(queue);
        match answer.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => writer::resume(panic),
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Runs `look` on one snapshot of `tenant`'s rows, on a thread where it may block. Sees all that was
    /// answered before.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the closure gives, or why there was no snapshot.
    pub async fn read<T, F>(&self, tenant: TenantId, look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&TenantTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || store.read_blocking(tenant, look)).await {
            Ok(result) => result,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => writer::resume(panic),
                Err(_) => Err(StoreError::Closed),
            },
        }
    }

    /// [`Store::read`] on the thread of the caller: tens of microseconds for a row or a page of rows.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T>(
        &self,
        tenant: TenantId,
        look: impl FnOnce(&TenantTx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = &self.inner.places.database;
        self.inner.readers.with(|conn| {
            let failed = |e| classify(conn, database, "read", &e);
            let snapshot = conn.unchecked_transaction().map_err(failed)?;
            let result =
                look(&TenantTx::new(Tx::new(conn, database), tenant, self.inner.options.quota_bytes));
            snapshot.finish().map_err(failed)?;
            result
        })
    }

    /// A watch that says cheaply whether anybody, in any process, has committed since it was last asked.
    ///
    /// # Errors
    /// Why no connection could be opened.
    pub fn watch(&self) -> Result<ChangeWatch, StoreError> {
        let mut watch =
            ChangeWatch { conn: open_reader(&self.inner.places.database)?, seen: None, store: self.clone() };
        watch.changed()?;
        Ok(watch)
    }

    /// The data directory, as an absolute path without links.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.inner.places.dir
    }

    /// Finishes what waits and closes the database. Later calls answer [`StoreError::Closed`]. Dropping the
    /// last clone does the same.
    pub fn close(&self) {
        self.inner.close();
    }

    pub(crate) fn places(&self) -> &Places {
        &self.inner.places
    }

    pub(crate) fn quota_bytes(&self) -> u64 {
        self.inner.options.quota_bytes
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.places.dir).finish_non_exhaustive()
    }
}

impl Inner {
    fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A closure may hold the last clone: the writer then can't wait for itself.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // The thread catches the panics of closures and has none of its own.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Says whether something was committed since it was last asked. Not to be asked from several threads at
/// once.
pub struct ChangeWatch {
    conn: Connection,
    seen: Option<i64>,
    /// Keeps the database open while it is watched.
    store: Store,
}

impl ChangeWatch {
    /// Whether anybody has committed anything since the last call. Costs a few microseconds and no lock.
    ///
    /// # Errors
    /// Why the database could not be asked.
    pub fn changed(&mut self) -> Result<bool, StoreError> {
        let failed = |e| classify(&self.conn, &self.store.places().database, "look for changes", &e);
        let mut statement = self.conn.prepare_cached("PRAGMA data_version").map_err(failed)?;
        let now: i64 = statement.query_row([], |row| row.get(0)).map_err(failed)?;
        let changed = self.seen != Some(now);
        drop(statement);
        self.seen = Some(now);
        Ok(changed)
    }
}

impl fmt::Debug for ChangeWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeWatch").field("seen", &self.seen).finish_non_exhaustive()
    }
}

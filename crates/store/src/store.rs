//! The store: one data directory, opened, with its rows in SQLite or in PostgreSQL.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use domain::TenantId;
use tokio::sync::oneshot;

use crate::block_on::block_on;
use crate::connection::open_writer;
use crate::database::{ChangeWatch, Database};
use crate::directory::{self, Places};
use crate::error::StoreError;
use crate::job::{self, Write};
use crate::migrate::{MIGRATIONS, migrate};
use crate::postgres::{self, Postgres};
use crate::tenant::TenantTx;
use crate::writer::{self, Identity, Writer};
use crate::writers::Writers;

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
    // Before the database: what is queued still needs it.
    writers: Writers,
    database: Database,
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
        let identity =
            Identity::of(&places.database).map_err(|e| StoreError::io("look at the database", e))?;
        let database = places.database.clone();
        let knows = Writer { database, quota_bytes: options.quota_bytes, identity };
        let started = writer::start(conn, knows).map_err(|e| StoreError::io("start the writer thread", e))?;
        let database = Database::sqlite(places.database.clone());
        Ok(Self::of(places, options, Writers::new([started]), database))
    }

    /// Opens the store whose rows lie in the PostgreSQL database at `url`, and whose contents lie in `dir`, which all
    /// machines that share the database must share as well: creates what is missing, migrates what is old, refuses
    /// what is newer, and refuses a database that does not keep tenants apart.
    ///
    /// `url` is `postgres://user:password@host:port/database`. `?sslmode=` is `disable`, `prefer`, `require`,
    /// `verify-ca` or `verify-full`; the last three are one: a certificate is always checked, against the system's
    /// authorities or those in the PEM file `sslrootcert=`. Without it: `disable` on this machine, else `require`.
    ///
    /// Blocks for tens of milliseconds; longer while another process migrates.
    ///
    /// # Errors
    /// [`StoreError::InvalidAddress`], [`StoreError::Unreachable`], [`StoreError::RoleMissing`],
    /// [`StoreError::Unprotected`], [`StoreError::NewerSchema`], [`StoreError::Corrupt`],
    /// [`StoreError::Unwritable`], [`StoreError::DiskFull`].
    pub fn open_postgres(dir: &Path, url: &str, options: OpenOptions) -> Result<Self, StoreError> {
        Self::open_postgres_with(dir, url, options, postgres::MIGRATIONS)
    }

    pub(crate) fn open_postgres_with(
        dir: &Path,
        url: &str,
        options: OpenOptions,
        migrations: &[&str],
    ) -> Result<Self, StoreError> {
        let places = directory::prepare_for_contents(dir)?;
        let database = Postgres::open(url, migrations)?;
        let started = database
            .start_writers(options.quota_bytes)
            .map_err(|e| StoreError::io("start the writer threads", e))?;
        Ok(Self::of(places, options, Writers::new(started), Database::Postgres(database)))
    }

    fn of(places: Places, options: OpenOptions, writers: Writers, database: Database) -> Self {
        Self { inner: Arc::new(Inner { places, options, writers, database }) }
    }

    /// Runs `work` in a transaction of `tenant` and commits it, flushed to the disk, before it answers.
    ///
    /// The closure runs on the writer's thread: no network and no waiting inside. An error or a panic undoes
    /// what this closure did and nothing else. If the future is dropped before the closure is under way, it is
    /// never run; afterwards, it still commits.
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
        let queue = self.inner.writers.queue_of(tenant).ok_or(StoreError::Closed)?;
        queue.send(job).await.map_err(|_| StoreError::Closed)?;
        drop(queue);
        match answer.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => job::resume(panic),
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
                Ok(panic) => job::resume(panic),
                Err(_) => Err(StoreError::Closed),
            },
        }
    }

    /// [`Store::read`] of a few rows by their keys. What takes tens of microseconds is read on the thread of the caller,
    /// without the way to another thread and back, which takes as long; where it would have to wait (for a network, for
    /// other readers) it is a plain [`Store::read`].
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn glance<T, F>(&self, tenant: TenantId, look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&TenantTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        match self.inner.database.read_at_once(tenant, self.inner.options.quota_bytes, look) {
            Ok(result) => result,
            Err(look) => self.read(tenant, look).await,
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
        self.inner.database.read(tenant, self.inner.options.quota_bytes, look)
    }

    /// A watch that says cheaply whether anybody, in any process, has committed since it was last asked.
    ///
    /// # Errors
    /// Why no connection could be opened.
    pub fn watch(&self) -> Result<ChangeWatch, StoreError> {
        ChangeWatch::new(&self.inner.database, self.clone())
    }

    /// The data directory, as an absolute path without links.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.inner.places.dir
    }

    /// The PostgreSQL database that the rows lie in, without its password; `None`: they lie below the data directory.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.inner.database.address()
    }

    /// Finishes what waits and closes the database. Later calls answer [`StoreError::Closed`]. Dropping the
    /// last clone does the same.
    pub fn close(&self) {
        self.inner.writers.close();
    }

    pub(crate) fn places(&self) -> &Places {
        &self.inner.places
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
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

impl Drop for Inner {
    fn drop(&mut self) {
        self.writers.close();
    }
}

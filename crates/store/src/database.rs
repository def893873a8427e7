//! Which database a store lies in: SQLite below the data directory, or PostgreSQL somewhere.

use std::fmt;
use std::path::{Path, PathBuf};

use domain::TenantId;

use crate::connection::open_reader;
use crate::error::StoreError;
use crate::postgres::Postgres;
use crate::postgres::watch::Listener;
use crate::readers::Readers;
use crate::sqlite_tx::classify;
use crate::store::Store;
use crate::tenant::TenantTx;
use crate::tx::Tx;

pub(crate) enum Database {
    Sqlite { path: PathBuf, readers: Readers },
    Postgres(Postgres),
}

impl Database {
    pub(crate) fn sqlite(path: PathBuf) -> Self {
        Self::Sqlite { readers: Readers::new(path.clone()), path }
    }

    /// Where the server is, if there is one, without a password.
    pub(crate) fn address(&self) -> Option<&str> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres(postgres) => Some(postgres.address()),
        }
    }

    /// Runs `look` on one snapshot of the tenant's rows.
    pub(crate) fn read<T>(
        &self,
        tenant: TenantId,
        quota_bytes: u64,
        look: impl FnOnce(&TenantTx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite { path, readers } => {
                let reader = readers.turn()?;
                snapshot(&reader, path, tenant, quota_bytes, look)
            }
            Self::Postgres(postgres) => {
                postgres.read(tenant, |conn| look(&TenantTx::new(Tx::postgres(conn), tenant, quota_bytes)))
            }
        }
    }

    /// The same on this thread if nothing has to be waited for: no network, no other reader. `look` comes back if not.
    pub(crate) fn read_at_once<T, F>(
        &self,
        tenant: TenantId,
        quota_bytes: u64,
        look: F,
    ) -> Result<Result<T, StoreError>, F>
    where
        F: FnOnce(&TenantTx<'_>) -> Result<T, StoreError>,
    {
        let Self::Sqlite { path, readers } = self else { return Err(look) };
        let Some(reader) = readers.idle() else { return Err(look) };
        Ok(snapshot(&reader, path, tenant, quota_bytes, look))
    }
}

/// Runs `look` on one snapshot of what SQLite holds.
fn snapshot<T>(
    conn: &rusqlite::Connection,
    path: &Path,
    tenant: TenantId,
    quota_bytes: u64,
    look: impl FnOnce(&TenantTx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let failed = |e| classify(conn, path, "read", &e);
    let snapshot = conn.unchecked_transaction().map_err(failed)?;
    let result = look(&TenantTx::new(Tx::sqlite(conn, path), tenant, quota_bytes));
    snapshot.finish().map_err(failed)?;
    result
}

/// Says whether something was committed since it was last asked. Not to be asked from several threads at
/// once.
pub struct ChangeWatch {
    eye: Eye,
    /// Keeps the database open while it is watched.
    _store: Store,
}

enum Eye {
    Sqlite { path: PathBuf, conn: rusqlite::Connection, seen: Option<i64> },
    Postgres(Listener),
}

impl ChangeWatch {
    pub(crate) fn new(database: &Database, store: Store) -> Result<Self, StoreError> {
        let eye = match database {
            Database::Sqlite { path, .. } => {
                Eye::Sqlite { path: path.clone(), conn: open_reader(path)?, seen: None }
            }
            Database::Postgres(postgres) => Eye::Postgres(postgres.listen()?),
        };
        let mut watch = Self { eye, _store: store };
        watch.changed()?;
        Ok(watch)
    }

    /// Whether anybody has committed anything since the last call. Costs a few microseconds and no lock.
    ///
    /// With PostgreSQL the server tells of a commit within milliseconds after it; and once more when the
    /// connection was lost and came back, because something may have been missed.
    ///
    /// # Errors
    /// Why the database could not be asked.
    pub fn changed(&mut self) -> Result<bool, StoreError> {
        match &mut self.eye {
            Eye::Sqlite { path, conn, seen } => {
                let failed = |e| classify(conn, path, "look for changes", &e);
                let mut statement = conn.prepare_cached("PRAGMA data_version").map_err(failed)?;
                let now: i64 = statement.query_row([], |row| row.get(0)).map_err(failed)?;
                Ok(seen.replace(now) != Some(now))
            }
            Eye::Postgres(listener) => Ok(listener.heard()),
        }
    }
}

impl fmt::Debug for ChangeWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeWatch").finish_non_exhaustive()
    }
}

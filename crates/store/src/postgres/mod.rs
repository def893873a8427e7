//! PostgreSQL: the second body of the port.
//!
//! Rows of tenants are kept apart twice: by the statements, each of which names its tenant, and by row-level security,
//! which holds even for a statement that forgets to. `guard.rs` proves the second before anything is served.

mod address;
mod connection;
mod driver;
mod error;
mod guard;
mod migrate;
mod readers;
mod value;
pub(crate) mod watch;
mod writer;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use domain::TenantId;
use tokio::sync::oneshot;

pub(crate) use self::connection::Connection;
pub(crate) use self::migrate::MIGRATIONS;

use self::address::Address;
use self::driver::Driver;
use self::readers::Readers;
use self::watch::{Listener, News};
use crate::error::StoreError;
use crate::job::Queue;

/// A database that was found fit to serve from.
pub(crate) struct Postgres {
    // Before the driver, which waits until connections have said goodbye.
    readers: Readers,
    server: Arc<Server>,
}

/// How to get a connection.
struct Server {
    address: Arc<Address>,
    driver: Driver,
}

impl Server {
    fn connect(&self) -> Result<Connection, StoreError> {
        self.connect_within(Duration::ZERO)
    }

    /// Tries for at least `patience`.
    fn connect_within(&self, patience: Duration) -> Result<Connection, StoreError> {
        Connection::open(&self.driver, &self.address, patience)
    }
}

impl Postgres {
    /// Connects, migrates, and makes sure that tenants are kept apart.
    pub(crate) fn open(url: &str, migrations: &[&str]) -> Result<Self, StoreError> {
        let address = Arc::new(Address::parse(url)?);
        let driver = Driver::start(address.clone())
            .map_err(|e| StoreError::io("start the thread of the database connections", e))?;
        let server = Arc::new(Server { address, driver });
        let connection = server.connect()?;
        migrate::migrate(&connection, &server.address, migrations)?;
        guard::refuse_unprotected(&connection, &server.address)?;
        Ok(Self { readers: Readers::new(server.clone(), connection), server })
    }

    /// Where it is, without a password.
    pub(crate) fn address(&self) -> &str {
        &self.server.address.shown
    }

    pub(crate) fn start_writers(
        &self,
        quota_bytes: u64,
    ) -> std::io::Result<Vec<(Queue, thread::JoinHandle<()>)>> {
        (0..writer::WRITERS).map(|_| writer::start(self.server.clone(), quota_bytes)).collect()
    }

    /// Runs `look` in a transaction that sees one snapshot of the tenant's rows and can't write.
    pub(crate) fn read<T>(
        &self,
        tenant: TenantId,
        look: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.readers.with(tenant, look)
    }

    pub(crate) fn listen(&self) -> Result<Listener, StoreError> {
        let news = Arc::<News>::default();
        let (stop, stopped) = oneshot::channel();
        self.server.driver.listen(news.clone(), stopped)?;
        Ok(Listener::new(news, stop))
    }

    #[cfg(test)]
    pub(crate) fn connect(&self) -> Result<Connection, StoreError> {
        self.server.connect()
    }

    /// What is wrong with the catalogue, a sentence each.
    pub(crate) fn check(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.server.connect()?;
        let mut findings = guard::findings(&connection)?;
        findings.extend(guard::broken(&connection)?);
        Ok(findings.into_iter().map(|finding| format!("{}: {finding}", self.server.address.shown)).collect())
    }
}

/// A new database with all migrations, for a test.
#[cfg(test)]
pub(crate) fn migrated_scratch() -> (Postgres, crate::test_server::Scratch) {
    let scratch = crate::test_server::Scratch::new();
    (Postgres::open(&scratch.url(), MIGRATIONS).expect("an empty database opens"), scratch)
}

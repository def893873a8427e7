//! The port to a database: statements with `$n` parameters, values in, rows out.
//!
//! Everything above this file speaks of [`Value`], [`Row`] and [`Column`] only. Each database is one body of [`Tx`]:
//! `sqlite_tx.rs` and `postgres/tx.rs`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;

use crate::error::StoreError;
use crate::{postgres, sqlite_tx};

/// One statement of `src/sql`. `$1` is always the tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// What it does, for messages: an infinitive such as `save a task`.
    pub(crate) doing: &'static str,
    /// The text, the same for every database.
    pub(crate) text: &'static str,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Blob(Cow<'a, [u8]>),
    Id([u8; 16]),
}

/// A column of a row, as the database gives it. Truth values are the integers 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Raw<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A type that a column can be read as; `None` when the stored value is not one.
pub(crate) trait Column: Sized {
    fn read(raw: Raw<'_>) -> Option<Self>;
}

/// One row of an answer, read from left to right.
pub(crate) struct Row<'r> {
    columns: Columns<'r>,
    next: usize,
    doing: &'static str,
}

enum Columns<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    /// The next column.
    pub(crate) fn take<T: Column>(&mut self) -> Result<T, StoreError> {
        let at = self.next;
        self.next += 1;
        let raw = match self.columns {
            Columns::Sqlite(row) => sqlite_tx::column(row, at),
            Columns::Postgres(row) => row.try_get(at).ok(),
        };
        raw.and_then(T::read)
            .ok_or_else(|| StoreError::Malformed { what: format!("column {at} (to {})", self.doing) })
    }
}

/// An open transaction.
pub(crate) struct Tx<'c> {
    body: Body<'c>,
    /// The last failure of the storage itself: what the closure did goes down with it.
    failure: RefCell<Option<StoreError>>,
}

enum Body<'c> {
    Sqlite(sqlite_tx::Body<'c>),
    Postgres(&'c postgres::Connection),
}

impl<'c> Tx<'c> {
    pub(crate) fn sqlite(conn: &'c rusqlite::Connection, path: &'c Path) -> Self {
        Self { body: Body::Sqlite(sqlite_tx::Body { conn, path }), failure: RefCell::default() }
    }

    pub(crate) fn postgres(conn: &'c postgres::Connection) -> Self {
        Self { body: Body::Postgres(conn), failure: RefCell::default() }
    }

    /// Runs a statement that gives no rows; how many rows it changed.
    pub(crate) fn execute(&self, sql: Sql, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.refuse_after_failure()?;
        let result = match &self.body {
            Body::Sqlite(sqlite) => sqlite.execute(sql, values),
            Body::Postgres(conn) => conn.execute(sql, values),
        };
        result.map_err(|error| self.failed(error))
    }

    /// Runs a statement and reads each row.
    pub(crate) fn query<T>(
        &self,
        sql: Sql,
        values: &[Value<'_>],
        mut read: impl FnMut(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.scan(sql, values, |row| {
            found.push(read(row)?);
            Ok(Scan::Go)
        })?;
        Ok(found)
    }

    /// Runs a statement and shows each row to `see` until that has enough. `see` can't ask for more itself.
    pub(crate) fn scan(
        &self,
        sql: Sql,
        values: &[Value<'_>],
        mut see: impl FnMut(&mut Row<'_>) -> Result<Scan, StoreError>,
    ) -> Result<(), StoreError> {
        self.refuse_after_failure()?;
        let mut seen = Ok(());
        let mut see = |columns: Columns<'_>| match see(&mut Row { columns, next: 0, doing: sql.doing }) {
            Ok(scan) => scan,
            Err(error) => {
                seen = Err(error);
                Scan::Stop
            }
        };
        let asked = match &self.body {
            Body::Sqlite(sqlite) => sqlite.scan(sql, values, |row| see(Columns::Sqlite(row))),
            Body::Postgres(conn) => conn.scan(sql, values, |row| see(Columns::Postgres(row))),
        };
        asked.map_err(|error| self.failed(error)).and(seen)
    }

    /// What went wrong with the storage, if anything did.
    pub(crate) fn take_failure(&self) -> Option<StoreError> {
        self.failure.borrow_mut().take()
    }

    /// PostgreSQL gives up a transaction with the first statement that fails.
    fn refuse_after_failure(&self) -> Result<(), StoreError> {
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    fn failed(&self, error: StoreError) -> StoreError {
        *self.failure.borrow_mut() = Some(error.clone());
        error
    }
}

/// Whether a scan wants another row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    Go,
    Stop,
}

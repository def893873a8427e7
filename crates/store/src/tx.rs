//! The port to a database: statements with `$n` parameters, values in, rows out.
//!
//! Everything above this file speaks of [`Value`], [`Row`] and [`Column`] only, so that a second database is
//! a second body of [`Tx`], not a second set of statements.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::{DatabaseFailure, StoreError, is_full_errno};

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

/// A column of a row, as the database gives it.
#[derive(Clone, Copy, Debug)]
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
    row: &'r rusqlite::Row<'r>,
    next: usize,
    doing: &'static str,
}

impl Row<'_> {
    /// The next column.
    pub(crate) fn take<T: Column>(&mut self) -> Result<T, StoreError> {
        let at = self.next;
        self.next += 1;
        let raw = match self.row.get_ref(at) {
            Ok(ValueRef::Null) => Some(Raw::Null),
            Ok(ValueRef::Integer(i)) => Some(Raw::Int(i)),
            Ok(ValueRef::Text(t)) => std::str::from_utf8(t).ok().map(Raw::Text),
            Ok(ValueRef::Blob(b)) => Some(Raw::Blob(b)),
            Ok(ValueRef::Real(_)) | Err(_) => None,
        };
        raw.and_then(T::read)
            .ok_or_else(|| StoreError::Malformed { what: format!("column {at} (to {})", self.doing) })
    }
}

/// An open transaction.
pub(crate) struct Tx<'c> {
    conn: &'c rusqlite::Connection,
    path: &'c Path,
    /// The last failure of the storage itself, for the callers whose work went down with it.
    failure: RefCell<Option<StoreError>>,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c rusqlite::Connection, path: &'c Path) -> Self {
        Self { conn, path, failure: RefCell::new(None) }
    }

    /// Runs a statement that gives no rows; how many rows it changed.
    pub(crate) fn execute(&self, sql: Sql, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let mut statement = self.bound(sql, values)?;
        statement.raw_execute().map_err(|e| self.failed(sql, &e))
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

    /// Runs a statement and shows each row to `see` until that has enough.
    pub(crate) fn scan(
        &self,
        sql: Sql,
        values: &[Value<'_>],
        mut see: impl FnMut(&mut Row<'_>) -> Result<Scan, StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.bound(sql, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| self.failed(sql, &e))? {
            match see(&mut Row { row, next: 0, doing: sql.doing })? {
                Scan::Go => {}
                Scan::Stop => break,
            }
        }
        Ok(())
    }

    /// What went wrong with the storage, if anything did.
    pub(crate) fn take_failure(&self) -> Option<StoreError> {
        self.failure.borrow_mut().take()
    }

    fn bound(&self, sql: Sql, values: &[Value<'_>]) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql.text).map_err(|e| self.failed(sql, &e))?;
        // SQLite numbers `$n` in order of appearance: go by the name.
        for index in 1..=statement.parameter_count() {
            let value = statement.parameter_name(index).and_then(|name| values.get(number_of(name)? - 1));
            let Some(value) = value else {
                return Err(StoreError::Malformed { what: format!("list of parameters (to {})", sql.doing) });
            };
            statement.raw_bind_parameter(index, value).map_err(|e| self.failed(sql, &e))?;
        }
        Ok(statement)
    }

    fn failed(&self, sql: Sql, error: &rusqlite::Error) -> StoreError {
        let error = classify(self.conn, self.path, sql.doing, error);
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

/// The number in `$n`.
fn number_of(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse().ok().filter(|n| *n > 0)
}

/// Our name for a failure of the database.
pub(crate) fn classify(
    conn: &rusqlite::Connection,
    path: &Path,
    doing: &str,
    error: &rusqlite::Error,
) -> StoreError {
    use rusqlite::ErrorCode as C;
    use rusqlite::ffi;

    let doing = || doing.to_owned();
    let path = || path.to_owned();
    let rusqlite::Error::SqliteFailure(code, message) = error else {
        return StoreError::Database {
            doing: doing(),
            source: DatabaseFailure { code: 0, message: error.to_string() },
        };
    };
    let message = message.clone().unwrap_or_else(|| error.to_string());
    // SAFETY: the handle belongs to `conn`, which is open for the whole call; the function only reads a
    // number from it.
    let errno = unsafe { ffi::sqlite3_system_errno(conn.handle()) };
    let io_error = || std::sync::Arc::new(std::io::Error::from_raw_os_error(errno));
    match (code.code, code.extended_code) {
        (C::DiskFull, _) => StoreError::DiskFull { doing: doing() },
        (C::SystemIoFailure | C::CannotOpen, _) if is_full_errno(errno) => {
            StoreError::DiskFull { doing: doing() }
        }
        (C::NotADatabase | C::DatabaseCorrupt, _) => StoreError::Corrupt { path: path(), detail: message },
        (C::DatabaseBusy | C::DatabaseLocked, _) => StoreError::Locked { path: path() },
        (C::ReadOnly | C::PermissionDenied | C::CannotOpen, _) => {
            let source = if errno == 0 {
                std::sync::Arc::new(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message))
            } else {
                io_error()
            };
            StoreError::Unwritable { path: path(), source }
        }
        (_, ffi::SQLITE_CONSTRAINT_TRIGGER) => StoreError::AppendOnly { doing: doing() },
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::DanglingReference { doing: doing() },
        (_, ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE) => {
            StoreError::AlreadyExists { doing: doing() }
        }
        (_, extended) => {
            StoreError::Database { doing: doing(), source: DatabaseFailure { code: extended, message } }
        }
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(i) => ValueRef::Integer(*i),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
            Self::Blob(b) => ValueRef::Blob(b),
            Self::Id(id) => ValueRef::Blob(id),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOING: &str = "look";

    #[test]
    fn parameters_go_by_their_number_not_by_their_place() {
        let conn = rusqlite::Connection::open_in_memory().expect("memory is there");
        let tx = Tx::new(&conn, Path::new("memory"));
        let sql = Sql { doing: DOING, text: "SELECT $3, $1, $2, $1" };
        let values = [Value::Int(1), Value::Int(2), Value::Int(3)];
        let rows = tx.query(sql, &values, |r| Ok([r.take::<i64>()?, r.take()?, r.take()?, r.take()?]));
        assert_eq!(rows.expect("a plain statement"), [[3, 1, 2, 1]]);
        let too_few = tx.query(sql, &values[..2], |_| Ok(()));
        assert!(matches!(too_few, Err(StoreError::Malformed { .. })), "{too_few:?}");
    }
}

//! A transaction of SQLite.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::{DatabaseFailure, StoreError, is_full_errno};
use crate::tx::{Raw, Scan, Sql, Value};

/// An open transaction.
pub(crate) struct Body<'c> {
    pub(crate) conn: &'c rusqlite::Connection,
    pub(crate) path: &'c Path,
}

impl Body<'_> {
    pub(crate) fn execute(&self, sql: Sql, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let mut statement = self.bound(sql, values)?;
        statement.raw_execute().map_err(|e| self.failed(sql, &e))
    }

    pub(crate) fn scan(
        &self,
        sql: Sql,
        values: &[Value<'_>],
        mut see: impl FnMut(&rusqlite::Row<'_>) -> Scan,
    ) -> Result<(), StoreError> {
        let mut statement = self.bound(sql, values)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| self.failed(sql, &e))? {
            if see(row) == Scan::Stop {
                break;
            }
        }
        Ok(())
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
        classify(self.conn, self.path, sql.doing, error)
    }
}

/// A column as the port has it; `None` for what this program never writes.
pub(crate) fn column<'r>(row: &'r rusqlite::Row<'_>, at: usize) -> Option<Raw<'r>> {
    match row.get_ref(at) {
        Ok(ValueRef::Null) => Some(Raw::Null),
        Ok(ValueRef::Integer(i)) => Some(Raw::Int(i)),
        Ok(ValueRef::Text(t)) => std::str::from_utf8(t).ok().map(Raw::Text),
        Ok(ValueRef::Blob(b)) => Some(Raw::Blob(b)),
        Ok(ValueRef::Real(_)) | Err(_) => None,
    }
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
            source: DatabaseFailure { code: "0".to_owned(), message: error.to_string() },
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
        (_, extended) => StoreError::Database {
            doing: doing(),
            source: DatabaseFailure { code: extended.to_string(), message },
        },
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
    use crate::tx::Tx;

    const DOING: &str = "look";

    #[test]
    fn parameters_go_by_their_number_not_by_their_place() {
        let conn = rusqlite::Connection::open_in_memory().expect("memory is there");
        let tx = Tx::sqlite(&conn, Path::new("memory"));
        let sql = Sql { doing: DOING, text: "SELECT $3, $1, $2, $1" };
        let values = [Value::Int(1), Value::Int(2), Value::Int(3)];
        let rows = tx.query(sql, &values, |r| Ok([r.take::<i64>()?, r.take()?, r.take()?, r.take()?]));
        assert_eq!(rows.expect("a plain statement"), [[3, 1, 2, 1]]);
        let too_few = tx.query(sql, &values[..2], |_| Ok(()));
        assert!(matches!(too_few, Err(StoreError::Malformed { .. })), "{too_few:?}");
    }
}

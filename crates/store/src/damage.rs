//! The rows of the audit past all rules, for tests that damage them as somebody with the database file could. Not in
//! a release: this module exists only in builds with debug assertions.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql};

/// Table and columns, keys first.
const TABLES: [(&str, &str); 4] = [
    (
        "audit_entries",
        "tenant_id, seq, at, actor_kind, actor_id, action, subject_kind, subject_id, outcome, prev_hash, hash, payload",
    ),
    ("audit_head", "tenant_id, seq, hash, frontier"),
    ("audit_checkpoints", "tenant_id, size, note"),
    ("receipts", "tenant_id, number, receipt_id, at, principal, action, resource, decision, doc"),
];

/// What stands in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A number.
    Int(i64),
    /// A text, which need not be UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The rows of a table, with the columns of its declaration.
pub type Rows = Vec<Vec<Cell>>;

/// The audit of all tenants: entries, heads, checkpoints, receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAudit {
    /// `audit_entries`, `audit_head`, `audit_checkpoints` and `receipts`.
    pub tables: [Rows; 4],
}

/// A connection that nothing holds back.
#[derive(Debug)]
pub struct Intruder(Connection);

impl Intruder {
    /// Opens the database in a data directory and takes its triggers away.
    ///
    /// # Errors
    /// The database's words.
    pub fn open(dir: &Path) -> Result<Self, String> {
        let open = || {
            let conn = Connection::open(dir.join("aamas.db"))?;
            conn.execute_batch(
                "PRAGMA synchronous = OFF;
                 DROP TRIGGER audit_entries_are_not_updated;
                 DROP TRIGGER audit_entries_are_not_deleted;
                 DROP TRIGGER audit_head_is_not_deleted;
                 DROP TRIGGER audit_head_only_rises;
                 DROP TRIGGER audit_checkpoints_are_not_updated;
                 DROP TRIGGER audit_checkpoints_are_not_deleted;",
            )?;
            Ok(Self(conn))
        };
        open().map_err(words)
    }

    /// All rows.
    ///
    /// # Errors
    /// The database's words.
    pub fn read(&self) -> Result<RawAudit, String> {
        let [entries, head, checkpoints, receipts] =
            TABLES.map(|(table, columns)| self.read_table(table, columns));
        let tables = (|| Ok([entries?, head?, checkpoints?, receipts?]))().map_err(words)?;
        Ok(RawAudit { tables })
    }

    /// Puts these rows in the place of all that are there.
    ///
    /// # Errors
    /// The database's words, such as that two rows can't have one key; then nothing was changed.
    pub fn write(&mut self, audit: &RawAudit) -> Result<(), String> {
        self.replace(audit).map_err(words)
    }

    fn read_table(&self, table: &str, columns: &str) -> rusqlite::Result<Rows> {
        let mut statement = self.0.prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2"))?;
        let count = statement.column_count();
        let rows = statement.query_map([], |row| (0..count).map(|i| Ok(cell(row.get_ref(i)?))).collect())?;
        rows.collect()
    }

    fn replace(&mut self, audit: &RawAudit) -> rusqlite::Result<()> {
        let tx = self.0.transaction()?;
        for ((table, columns), rows) in TABLES.iter().zip(&audit.tables) {
            tx.execute(&format!("DELETE FROM {table}"), [])?;
            let marks = vec!["?"; columns.split(',').count()].join(", ");
            let mut insert =
                tx.prepare_cached(&format!("INSERT INTO {table} ({columns}) VALUES ({marks})"))?;
            for row in rows {
                insert.execute(rusqlite::params_from_iter(row))?;
            }
        }
        tx.commit()
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(bytes) => ToSqlOutput::Borrowed(ValueRef::Text(bytes)),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Text(bytes) => Cell::Text(bytes.to_vec()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        // The tables are strict and have neither.
        ValueRef::Null | ValueRef::Real(_) => Cell::Blob(Vec::new()),
    }
}

fn words(error: rusqlite::Error) -> String {
    error.to_string()
}

//! One connection to PostgreSQL, its prepared statements and its transactions.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::TenantId;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::address::Address;
use super::driver::Driver;
use super::error::classify;
use super::watch::NOTIFY;
use crate::block_on::block_on;
use crate::error::StoreError;
#[cfg(test)]
use crate::tx::Raw;
use crate::tx::{Scan, Sql, Value};

/// The role that reads and writes rows. It owns nothing and can't log in.
pub(crate) const ROLE: &str = "aamas_app";

/// What each connection is told first. The schema is the one where this user creates tables, by its name: the usual
/// search path names the user's own, and means another one once the role is taken on. A commit is acknowledged when it is
/// flushed, whatever the server's default; nobody waits for a lock for ever, and a process that hangs within a
/// transaction does not keep its snapshot for ever.
const SETUP: &str = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);
     SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '120s';
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A process that hangs, or that the network cut off, gives up the lock of its tenant before those who wait for it do.
const GIVE_UP: &str = "SET LOCAL idle_in_transaction_session_timeout = '20s'";

/// The id of a transaction that writes, by which the server can be asked later what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TransactionId(String);

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Committed,
    Undone,
    Unknown,
}

pub(crate) struct Connection {
    client: Client,
    address: Arc<Address>,
    /// By their text, which is a constant of `src/sql`.
    statements: RefCell<HashMap<&'static str, Statement>>,
    /// Whether the transaction has changed a row.
    changed: Cell<bool>,
}

impl Connection {
    pub(super) fn open(
        driver: &Driver,
        address: &Arc<Address>,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let connection = Self {
            client: driver.connect(patience)?,
            address: address.clone(),
            statements: RefCell::default(),
            changed: Cell::new(false),
        };
        connection.run("set up a connection", SETUP)?;
        Ok(connection)
    }

    /// Whether the server is out of reach on this connection for good.
    pub(super) fn is_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a statement that gives no rows; how many rows it changed.
    pub(crate) fn execute(&self, sql: Sql, values: &[Value<'_>]) -> Result<usize, StoreError> {
        let statement = self.prepared(sql)?;
        let values = parameters(&statement, sql, values)?;
        self.note_change(sql);
        let changed =
            block_on(self.client.execute_raw(&statement, values)).map_err(|e| self.failed(sql.doing, &e))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Shows each row to `see` until that has enough. `see` must not use this connection.
    pub(crate) fn scan(
        &self,
        sql: Sql,
        values: &[Value<'_>],
        mut see: impl FnMut(&tokio_postgres::Row) -> Scan,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(sql)?;
        let values = parameters(&statement, sql, values)?;
        self.note_change(sql);
        let failed = |e| self.failed(sql.doing, &e);
        let mut rows = pin!(block_on(self.client.query_raw(&statement, values)).map_err(failed)?);
        while let Some(row) = block_on(rows.try_next()).map_err(failed)? {
            if see(&row) == Scan::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Begins a transaction that sees one snapshot of the tenant's rows and can't write.
    pub(super) fn begin_reading(&self, tenant: TenantId) -> Result<(), StoreError> {
        let text = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", as_tenant(tenant),);
        self.run("begin a transaction", &text)
    }

    /// Begins a transaction that writes the tenant's rows, once no other one does.
    ///
    /// Each of its statements sees what was committed before it: under the tenant's lock that is all there is.
    pub(super) fn begin_writing(&self, tenant: TenantId) -> Result<TransactionId, StoreError> {
        self.changed.set(false);
        let text = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {}; {GIVE_UP}; SELECT pg_advisory_xact_lock({}); \
             SELECT pg_current_xact_id()",
            as_tenant(tenant),
            lock_of(tenant),
        );
        Ok(TransactionId(self.ask_one("begin a transaction", &text)?.unwrap_or_default()))
    }

    /// Commits, and tells those who listen if anything was changed; `before` is what must come first.
    pub(super) fn commit(&self, before: &str) -> Result<(), StoreError> {
        // In a transaction that was given up, COMMIT succeeds and undoes; any other statement there fails.
        let last = if self.changed.get() { NOTIFY } else { "SELECT 1" };
        self.run("commit", &format!("{before}{last}; COMMIT"))
    }

    /// Ends a transaction without keeping anything.
    pub(super) fn roll_back(&self) -> Result<(), StoreError> {
        self.run("undo a transaction", "ROLLBACK")
    }

    /// What became of a transaction of another connection that wrote for `tenant`. Waits until it has ended.
    pub(super) fn fate_of(&self, tenant: TenantId, id: &TransactionId) -> Result<Fate, StoreError> {
        let text = format!(
            "BEGIN; SELECT pg_advisory_xact_lock({}); SELECT pg_xact_status('{}'::xid8)",
            lock_of(tenant),
            id.0,
        );
        let said = self.ask_one("look what became of a commit", &text);
        self.roll_back()?;
        Ok(match said?.as_deref() {
            Some("committed") => Fate::Committed,
            Some("aborted") => Fate::Undone,
            _ => Fate::Unknown,
        })
    }

    /// Runs statements that give nothing back.
    pub(super) fn run(&self, doing: &str, text: &str) -> Result<(), StoreError> {
        block_on(self.client.batch_execute(text)).map_err(|e| self.failed(doing, &e))
    }

    /// The rows that the statements of `text` give, as texts.
    pub(crate) fn ask(&self, doing: &str, text: &str) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let said = block_on(self.client.simple_query(text)).map_err(|e| self.failed(doing, &e))?;
        let rows = said.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The first column of the last row.
    pub(super) fn ask_one(&self, doing: &str, text: &str) -> Result<Option<String>, StoreError> {
        Ok(self.ask(doing, text)?.pop().and_then(|row| row.into_iter().next()).flatten())
    }

    fn prepared(&self, sql: Sql) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.borrow().get(sql.text) {
            return Ok(statement.clone());
        }
        let statement = block_on(self.client.prepare(sql.text)).map_err(|e| self.failed(sql.doing, &e))?;
        self.statements.borrow_mut().insert(sql.text, statement.clone());
        Ok(statement)
    }

    /// The parameters and columns of a statement whose type is none that the port has; an error if the server does not
    /// understand the statement.
    #[cfg(test)]
    pub(crate) fn unfit(&self, sql: Sql) -> Result<Vec<String>, StoreError> {
        use tokio_postgres::types::{FromSql as _, Type};

        let statement = self.prepared(sql)?;
        let parameters = statement.params().iter().filter(|kind| **kind == Type::BOOL || !Raw::accepts(kind));
        let columns = statement.columns().iter().filter(|column| !Raw::accepts(column.type_()));
        let unfit = parameters
            .map(|kind| format!("a parameter is {kind}"))
            .chain(columns.map(|column| format!("{} is {}", column.name(), column.type_())));
        Ok(unfit.collect())
    }

    fn note_change(&self, sql: Sql) {
        if !sql.text.starts_with("SELECT") {
            self.changed.set(true);
        }
    }

    fn failed(&self, doing: &str, error: &tokio_postgres::Error) -> StoreError {
        classify(&self.address.shown, doing, error)
    }
}

/// What the transaction may see from here on: as the role that owns nothing, this tenant's rows.
pub(super) fn as_tenant(tenant: TenantId) -> String {
    format!("SET LOCAL ROLE {ROLE}; SET LOCAL aamas.tenant_id = '{}'", hex(&tenant.to_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The number of the tenant's lock. Two tenants with the same number would only wait for each other.
fn lock_of(tenant: TenantId) -> i64 {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(tenant.to_bytes()).into();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The values that the statement wants; SQLite takes no notice of values that no parameter names either.
fn parameters<'v>(
    statement: &Statement,
    sql: Sql,
    values: &'v [Value<'v>],
) -> Result<impl ExactSizeIterator<Item = &'v (dyn ToSql + Sync)>, StoreError> {
    let wanted = values.get(..statement.params().len());
    let wanted = wanted
        .ok_or_else(|| StoreError::Malformed { what: format!("list of parameters (to {})", sql.doing) })?;
    if wanted.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0'))) {
        return Err(StoreError::NulInText { doing: sql.doing.to_owned() });
    }
    Ok(wanted.iter().map(|value| value as &(dyn ToSql + Sync)))
}

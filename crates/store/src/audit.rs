//! The audit of a tenant: entries, head and checkpoints as rows. How they are made and verified is the business of
//! `governance`; here is no hash.

use domain::Timestamp;

use crate::error::StoreError;
use crate::page::Page;
use crate::sql::audit as sql;
use crate::tenant::{TenantTx, bounded, values};
use crate::tx::{Column, Row, Scan, Value};

/// The largest payload of an entry, and the longest text of a checkpoint.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// What one call of [`TenantTx::audit_range`] reads at most, apart from a single entry.
const MAX_READ_BYTES: usize = 8 << 20;

/// An entry as stored. Unless it is verified, each column may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, from 1.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What kind of actor.
    pub actor_kind: String,
    /// Which one.
    pub actor_id: String,
    /// Did what.
    pub action: String,
    /// To what kind of thing; empty if to none.
    pub subject_kind: String,
    /// To which one; empty if to none.
    pub subject_id: String,
    /// How it ended.
    pub outcome: String,
    /// The hash of the entry before.
    pub prev_hash: Vec<u8>,
    /// Its hash.
    pub hash: Vec<u8>,
    /// All of it: what is hashed.
    pub payload: String,
}

/// The end of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHeadRow {
    /// The number of the last entry.
    pub seq: i64,
    /// The hash of the last entry.
    pub hash: Vec<u8>,
    /// The right-hand edge of the Merkle tree.
    pub frontier: Vec<u8>,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheckpointRow {
    /// How many entries the log had.
    pub size: i64,
    /// The signed text.
    pub note: String,
}

/// A receipt of a decision, as the verifier sees it. Each column may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReceiptRow {
    /// Its number, from 1.
    pub number: i64,
    /// The bytes of its id.
    pub id: Vec<u8>,
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
    /// Who asked.
    pub principal: String,
    /// For what.
    pub action: String,
    /// On what.
    pub resource: String,
    /// `allow` or `deny`.
    pub decision: String,
    /// All of it, byte for byte.
    pub doc: String,
}

/// A row with its number, or why the rest of it can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRead<T> {
    /// Its number or size.
    pub number: i64,
    /// The row; else what is wrong with it, in words.
    pub row: Result<T, String>,
}

/// Which entries to list. `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this actor's id.
    pub actor: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// To this kind of thing.
    pub subject_kind: Option<String>,
    /// To the thing with this id.
    pub subject: Option<String>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// At this moment or later.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

impl TenantTx<'_> {
    /// The end of the log; `None` if there are no entries.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn audit_head(&self) -> Result<Option<AuditHeadRow>, StoreError> {
        self.query_one(sql::HEAD, [], |row| {
            Ok(AuditHeadRow { seq: row.take()?, hash: row.take()?, frontier: row.take()? })
        })
    }

    /// Appends the entry that was made behind the present head, and moves the head. What is audited belongs into the
    /// same transaction.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] if the head is another one by now: take it again, and make the entry anew.
    /// [`StoreError::TooLarge`].
    pub fn insert_audit(&mut self, entry: &AuditRow, head: &AuditHeadRow) -> Result<(), StoreError> {
        bounded("audit entry", entry.payload.len(), MAX_TEXT_BYTES)?;
        let moved = |sql: crate::tx::Sql| StoreError::AlreadyExists { doing: sql.doing.to_owned() };
        let before = entry.seq.saturating_sub(1);
        let values = values![
            entry.seq,
            entry.at,
            entry.actor_kind.as_str(),
            entry.actor_id.as_str(),
            entry.action.as_str(),
            entry.subject_kind.as_str(),
            entry.subject_id.as_str(),
            entry.outcome.as_str(),
            entry.prev_hash.as_slice(),
            entry.hash.as_slice(),
            entry.payload.as_str(),
        ];
        let (hash, frontier) = (head.hash.as_slice(), head.frontier.as_slice());
        if before == 0 {
            if self.execute(sql::APPEND_FIRST, values)? != 1 {
                return Err(moved(sql::APPEND_FIRST));
            }
            self.execute(sql::ADD_HEAD, values![head.seq, hash, frontier])?;
            return Ok(());
        }
        let [a, b, c, d, e, f, g, h, i, j, k] = values;
        if self.execute(sql::APPEND, [a, b, c, d, e, f, g, h, i, j, k, before.into()])? != 1 {
            return Err(moved(sql::APPEND));
        }
        let prev = entry.prev_hash.as_slice();
        match self.execute(sql::MOVE_HEAD, values![head.seq, hash, frontier, before, prev])? {
            1 => Ok(()),
            _ => Err(moved(sql::MOVE_HEAD)),
        }
    }

    /// The entry with this number.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if it can't be read.
    pub fn audit_entry(&self, seq: u64) -> Result<Option<AuditRow>, StoreError> {
        self.query_one(sql::ROWS, values![seq, seq, 1_i64], read_whole)
    }

    /// The entries that a filter lets through, with the number of an entry as its place.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if one of them can't be read.
    pub fn audit_entries(&self, filter: &AuditFilter, page: Page) -> Result<Vec<AuditRow>, StoreError> {
        let text = |condition: &'_ Option<String>| match condition {
            Some(text) => Value::Text(text.clone().into()),
            None => Value::Null,
        };
        let values = values![
            page.bound(),
            page.limit(),
            text(&filter.actor),
            text(&filter.action),
            text(&filter.subject_kind),
            text(&filter.subject),
            text(&filter.outcome),
            filter.since.map_or(i64::MIN, Timestamp::as_micros),
            filter.until.map_or(i64::MAX, Timestamp::as_micros),
        ];
        // The condition that lets through least chooses the index.
        let statement = match (page, filter) {
            (Page::Oldest { .. }, _) => sql::OLDEST,
            (_, AuditFilter { subject: Some(_), .. }) => sql::NEWEST_OF_SUBJECT,
            (_, AuditFilter { actor: Some(_), .. }) => sql::NEWEST_OF_ACTOR,
            (_, AuditFilter { action: Some(_), .. }) => sql::NEWEST_OF_ACTION,
            (Page::Newest { .. }, _) => sql::NEWEST,
        };
        self.query(statement, values, read_whole)
    }

    /// The rows from one number to another, both included, whatever state they are in: at most `limit`, and fewer when
    /// they are large. None at all means that there are no more. For the verifier and the export, which begin with
    /// `i64::MIN`, so that a row with an impossible number is seen.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn audit_range(
        &self,
        from: i64,
        to: i64,
        limit: u32,
    ) -> Result<Vec<AuditRead<AuditRow>>, StoreError> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        self.scan(sql::ROWS, values![from, to, limit], |row| {
            let read = read(row)?;
            bytes += read.row.as_ref().map_or(0, |row| row.payload.len());
            if bytes > MAX_READ_BYTES && !rows.is_empty() {
                return Ok(Scan::Stop);
            }
            rows.push(read);
            Ok(Scan::Go)
        })?;
        Ok(rows)
    }

    /// The receipts from a number on by number, whatever state they are in: at most `limit`, and fewer when they are
    /// large. None at all means that there are no more.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn audit_receipts(
        &self,
        from: i64,
        limit: u32,
    ) -> Result<Vec<AuditRead<AuditReceiptRow>>, StoreError> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        self.scan(sql::RECEIPTS, values![from, limit], |row| {
            let read = read_receipt(row)?;
            bytes += read.row.as_ref().map_or(0, |row| row.doc.len());
            if bytes > MAX_READ_BYTES && !rows.is_empty() {
                return Ok(Scan::Stop);
            }
            rows.push(read);
            Ok(Scan::Go)
        })?;
        Ok(rows)
    }

    /// Keeps a checkpoint.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] if there is one of this size. [`StoreError::TooLarge`].
    pub fn insert_audit_checkpoint(&mut self, checkpoint: &AuditCheckpointRow) -> Result<(), StoreError> {
        bounded("audit checkpoint", checkpoint.note.len(), MAX_TEXT_BYTES)?;
        self.execute(sql::ADD_CHECKPOINT, values![checkpoint.size, checkpoint.note.as_str()])?;
        Ok(())
    }

    /// The checkpoints of at least this size by size, whatever state they are in.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn audit_checkpoints(
        &self,
        from: i64,
        limit: u32,
    ) -> Result<Vec<AuditRead<AuditCheckpointRow>>, StoreError> {
        self.query(sql::CHECKPOINTS, values![from, limit], read_checkpoint)
    }

    /// The largest checkpoint, whatever state it is in.
    ///
    /// # Errors
    /// Only failures of the storage.
    pub fn latest_audit_checkpoint(&self) -> Result<Option<AuditRead<AuditCheckpointRow>>, StoreError> {
        self.query_one(sql::LATEST_CHECKPOINT, [], read_checkpoint)
    }
}

fn read_whole(row: &mut Row<'_>) -> Result<AuditRow, StoreError> {
    let read = read(row)?;
    read.row.map_err(|_| StoreError::Malformed { what: format!("audit entry {}", read.number) })
}

fn read(row: &mut Row<'_>) -> Result<AuditRead<AuditRow>, StoreError> {
    let number = row.take()?;
    let mut damaged = None;
    let read = AuditRow {
        seq: number,
        at: Timestamp::from_micros(column(row, "at", &mut damaged)?),
        actor_kind: column(row, "actor_kind", &mut damaged)?,
        actor_id: column(row, "actor_id", &mut damaged)?,
        action: column(row, "action", &mut damaged)?,
        subject_kind: column(row, "subject_kind", &mut damaged)?,
        subject_id: column(row, "subject_id", &mut damaged)?,
        outcome: column(row, "outcome", &mut damaged)?,
        prev_hash: column(row, "prev_hash", &mut damaged)?,
        hash: column(row, "hash", &mut damaged)?,
        payload: column(row, "payload", &mut damaged)?,
    };
    Ok(AuditRead { number, row: damaged.map_or(Ok(read), Err) })
}

fn read_receipt(row: &mut Row<'_>) -> Result<AuditRead<AuditReceiptRow>, StoreError> {
    let number = row.take()?;
    let mut damaged = None;
    let read = AuditReceiptRow {
        number,
        id: column(row, "receipt_id", &mut damaged)?,
        at: column(row, "at", &mut damaged)?,
        principal: column(row, "principal", &mut damaged)?,
        action: column(row, "action", &mut damaged)?,
        resource: column(row, "resource", &mut damaged)?,
        decision: column(row, "decision", &mut damaged)?,
        doc: column(row, "doc", &mut damaged)?,
    };
    Ok(AuditRead { number, row: damaged.map_or(Ok(read), Err) })
}

fn read_checkpoint(row: &mut Row<'_>) -> Result<AuditRead<AuditCheckpointRow>, StoreError> {
    let number = row.take()?;
    let mut damaged = None;
    let note = column(row, "note", &mut damaged)?;
    Ok(AuditRead { number, row: damaged.map_or(Ok(AuditCheckpointRow { size: number, note }), Err) })
}

/// A column, or nothing and a note about it if what is stored is not what belongs there.
fn column<T: Column + Default>(
    row: &mut Row<'_>,
    name: &str,
    damaged: &mut Option<String>,
) -> Result<T, StoreError> {
    match row.take() {
        Err(StoreError::Malformed { .. }) => {
            damaged.get_or_insert(format!("its column {name} is not of its type"));
            Ok(T::default())
        }
        other => other,
    }
}

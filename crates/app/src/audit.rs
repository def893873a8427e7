//! The audit from within the transaction of what is audited: what joins `governance`, which makes and verifies, to
//! `store`, which keeps.

use std::io::Write;

use crate::{AppError, audit_receipts, audit_runs};
use domain::Timestamp;
use governance::{
    AppendError, CheckpointRow, DamagedHead, EntryRow, Exporter, Head, HeadRow, NewEntry, NoteError,
    PublicKey, Report, SignedCheckpoint, Verifier, append, sign_checkpoint,
};
use serde_json::Value;
use store::{AuditCheckpointRow, AuditHeadRow, AuditRead, AuditRow, StoreError, TenantTx};

/// Rows read at a time.
const PAGE: u32 = 256;

/// Why the audit could not go on, or be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is not one.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The end of the log is damaged.
    #[error(transparent)]
    Head(#[from] DamagedHead),
    /// A checkpoint could not be made, or is not one.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The latest checkpoint is damaged.
    #[error("the latest checkpoint can't be read")]
    DamagedCheckpoint,
    /// The export could not be written.
    #[error("cannot write the export")]
    Export(#[source] std::io::Error),
}

impl From<AuditError> for AppError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Store(error) => error.into(),
            other => Self::Audit(other.to_string()),
        }
    }
}

/// Records an entry; its number. To be called in the transaction of what is recorded, behind the receipts of its
/// decisions: the entry names by hash all that there are.
///
/// # Errors
/// [`AuditError`].
pub fn record(tx: &mut TenantTx<'_>, new: &NewEntry) -> Result<u64, AuditError> {
    let head = head(tx)?;
    let receipts = audit_receipts::head(tx, &head)?;
    let (row, head) = append(&head, new, &receipts)?;
    tx.insert_audit(&entry_to_store(row), &head_to_store(head.to_row()))?;
    Ok(head.size())
}

/// Names the receipts that no entry names yet, signs where the log stands and keeps that; `None` if it has not grown since the last checkpoint.
///
/// # Errors
/// [`AuditError`].
pub fn checkpoint(
    tx: &mut TenantTx<'_>,
    at: Timestamp,
    key: PublicKey,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<SignedCheckpoint>, AuditError> {
    audit_receipts::bind(tx, at)?;
    let head = head(tx)?;
    let previous = match tx.latest_audit_checkpoint()? {
        None => None,
        Some(AuditRead { row: Ok(row), .. }) => Some(SignedCheckpoint::parse(&row.note)?),
        Some(AuditRead { row: Err(_), .. }) => return Err(AuditError::DamagedCheckpoint),
    };
    if previous.as_ref().is_some_and(|previous| previous.unverified().size == head.size()) {
        return Ok(None);
    }
    let signed = sign_checkpoint(&head, at, previous.as_ref(), key, sign)?;
    let CheckpointRow { size, note } = signed.to_row();
    tx.insert_audit_checkpoint(&AuditCheckpointRow { size, note })?;
    Ok(Some(signed))
}

/// Verifies the log of a tenant in one snapshot, and against it the receipts of decisions, and the journals of its runs
/// where they are still kept.
///
/// # Errors
/// [`AuditError`].
pub fn verify(tx: &TenantTx<'_>, trusted: &[PublicKey], outside: &[&str]) -> Result<Report, StoreError> {
    let mut verifier = Verifier::new(tx.tenant(), trusted, outside);
    checkpoints(tx, |read| {
        match read.row {
            Ok(row) => verifier.checkpoint(&checkpoint_from_store(row)),
            Err(what) => verifier.unreadable_checkpoint(read.number, &what),
        }
        Ok::<_, StoreError>(())
    })?;
    let (mut ends, mut receipts) = (Vec::new(), audit_receipts::Check::new(tx));
    entries(tx, |read| {
        match read.row {
            Ok(row) => {
                let Some(payload) = verifier.entry(&entry_from_store(row)) else { return Ok(()) };
                let seq = u64::try_from(read.number).unwrap_or(0);
                ends.extend(audit_runs::end_of(seq, &payload));
                if let Some(named) = &payload.receipts {
                    receipts.against(seq, named)?;
                }
            }
            Err(what) => verifier.unreadable_entry(read.number, &what),
        }
        Ok::<_, StoreError>(())
    })?;
    let mut report = verifier.finish(tx.audit_head()?.map(head_from_store).as_ref());
    receipts.finish(&mut report)?;
    audit_runs::check(tx, &ends, &mut report)?;
    Ok(report)
}

/// Exports the log of a tenant in one snapshot.
///
/// # Errors
/// [`AuditError`].
pub fn export<W: Write>(tx: &TenantTx<'_>, out: W) -> Result<W, AuditError> {
    let mut exporter = Exporter::begin(out, tx.tenant()).map_err(AuditError::Export)?;
    checkpoints(tx, |read| {
        match read.row {
            Ok(row) => exporter.checkpoint(&checkpoint_from_store(row)),
            Err(what) => exporter.unreadable_checkpoint(read.number, &what),
        }
        .map_err(AuditError::Export)
    })?;
    entries(tx, |read| {
        match read.row {
            Ok(row) => exporter.entry(&entry_from_store(row)),
            Err(what) => exporter.unreadable_entry(read.number, &what),
        }
        .map_err(AuditError::Export)
    })?;
    exporter.end(tx.audit_head()?.map(head_from_store).as_ref()).map_err(AuditError::Export)
}

pub(crate) fn head(tx: &TenantTx<'_>) -> Result<Head, AuditError> {
    let row = tx.audit_head()?.map(head_from_store);
    Ok(Head::from_row(tx.tenant(), row.as_ref())?)
}

fn checkpoints<E: From<StoreError>>(
    tx: &TenantTx<'_>,
    mut see: impl FnMut(AuditRead<AuditCheckpointRow>) -> Result<(), E>,
) -> Result<(), E> {
    let mut from = Some(i64::MIN);
    while let Some(start) = from {
        let page = tx.audit_checkpoints(start, PAGE)?;
        from = page.last().and_then(|last| last.number.checked_add(1));
        page.into_iter().try_for_each(&mut see)?;
    }
    Ok(())
}

fn entries<E: From<StoreError>>(
    tx: &TenantTx<'_>,
    mut see: impl FnMut(AuditRead<AuditRow>) -> Result<(), E>,
) -> Result<(), E> {
    let mut from = Some(i64::MIN);
    while let Some(start) = from {
        let page = tx.audit_range(start, i64::MAX, PAGE)?;
        from = page.last().and_then(|last| last.number.checked_add(1));
        page.into_iter().try_for_each(&mut see)?;
    }
    Ok(())
}

fn checkpoint_from_store(row: AuditCheckpointRow) -> CheckpointRow {
    CheckpointRow { size: row.size, note: row.note }
}

fn head_to_store(row: HeadRow) -> AuditHeadRow {
    AuditHeadRow { seq: row.seq, hash: row.hash, frontier: row.frontier }
}

fn head_from_store(row: AuditHeadRow) -> HeadRow {
    HeadRow { seq: row.seq, hash: row.hash, frontier: row.frontier }
}

fn entry_to_store(row: EntryRow) -> AuditRow {
    AuditRow {
        seq: row.seq,
        at: row.at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        action: row.action,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        outcome: row.outcome,
        prev_hash: row.prev_hash,
        hash: row.hash,
        payload: row.payload,
    }
}

fn entry_from_store(row: AuditRow) -> EntryRow {
    EntryRow {
        seq: row.seq,
        at: row.at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        action: row.action,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        outcome: row.outcome,
        payload: row.payload,
        prev_hash: row.prev_hash,
        hash: row.hash,
    }
}

/// The same value with fractions as texts: the audit's canonical form has integers only.
#[must_use]
pub fn integers_only(value: Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => Value::String(n.to_string()),
        Value::Array(items) => items.into_iter().map(integers_only).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, integers_only(member))).collect()
        }
        other => other,
    }
}

//! The ends of runs in the audit: each names the journal of its run, so that whoever trusts the chain trusts the journals.

use domain::{RunId, RunState, Timestamp};
use governance::{
    Actor, Finding, FindingKind, JournalDigest, JournalHead, JournalRow, NewEntry, Outcome, Payload, Report,
    Subject,
};
use serde_json::json;
use store::{AuditRow, StoreError, TenantTx};

use crate::audit::{AuditError, record};
use crate::claim::Claim;

/// What the entries are called.
const ACTION: &str = "run.finished";
/// Entries of a journal that are read at a time.
const PAGE: u32 = 256;

/// The end of a run as the audit tells it.
pub(crate) struct RunEnd {
    seq: u64,
    run: RunId,
    count: u64,
    sha256: String,
}

/// Records that a run has ended, and what its journal is. To be called after the last entry, in its transaction.
///
/// A damaged audit does not keep a run from ending: verification finds the damage, and that the end is missing.
pub(crate) fn record_end(
    tx: &mut TenantTx<'_>,
    claim: Claim,
    state: RunState,
    at: Timestamp,
) -> Result<(), StoreError> {
    let head = digest(tx, claim.run, u64::MAX)?;
    let entry = NewEntry {
        at,
        actor: Actor { kind: "system".into(), id: "engine".into(), name: None },
        action: ACTION.into(),
        subject: Some(Subject { kind: "run".into(), id: claim.run.to_string() }),
        detail: json!({
            "status": state, "task_id": claim.task, "journal_entries": head.count, "journal_sha256": head.sha256,
        }),
        outcome: Outcome::Done,
        request_id: None,
    };
    match record(tx, &entry) {
        Ok(_) => Ok(()),
        Err(AuditError::Store(error)) => Err(error),
        Err(error) => {
            tracing::error!(%error, "the end of {} is not in the audit", claim.run);
            Ok(())
        }
    }
}

/// The end of a run that an entry tells; none if it tells something else.
pub(crate) fn end_of(row: &AuditRow) -> Option<RunEnd> {
    let payload = (row.action == ACTION).then(|| Payload::parse(&row.payload).ok()).flatten()?;
    Some(RunEnd {
        seq: u64::try_from(row.seq).ok()?,
        run: payload.subject?.id.parse().ok()?,
        count: payload.detail.get("journal_entries")?.as_u64()?,
        sha256: payload.detail.get("journal_sha256")?.as_str()?.to_owned(),
    })
}

/// Holds the journals that are still kept against the ends that the audit tells.
pub(crate) fn check(tx: &TenantTx<'_>, ends: &[RunEnd], report: &mut Report) -> Result<(), StoreError> {
    for end in ends {
        if tx.journal_head(end.run)? == 0 {
            continue;
        }
        let wrong = match digest(tx, end.run, end.count) {
            Ok(head) if head.count == end.count && head.sha256.to_string() == end.sha256 => continue,
            Ok(head) if head.count < end.count => {
                format!(
                    "the journal of {} has {} entries, and had {} at its end",
                    end.run, head.count, end.count
                )
            }
            Ok(_) => format!("the journal of {} is not the one that it had at its end", end.run),
            Err(StoreError::Malformed { what }) => {
                format!("the journal of {} can't be read: {what}", end.run)
            }
            Err(error) => return Err(error),
        };
        report.add(Finding { kind: FindingKind::Journal, seq: Some(end.seq), checkpoint: None, what: wrong });
    }
    Ok(())
}

/// The chain over the first entries of a journal, at most so many.
fn digest(tx: &TenantTx<'_>, run: RunId, most: u64) -> Result<JournalHead, StoreError> {
    let mut digest = JournalDigest::default();
    let mut from = 1;
    while digest.head().count < most {
        let page = tx.entries(run, from, PAGE)?;
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        for entry in &page {
            if digest.head().count == most {
                break;
            }
            let row = JournalRow { seq: entry.seq, attempt: entry.branch, at: entry.at, body: &entry.body };
            digest.push(row).map_err(|e| StoreError::Malformed { what: e.to_string() })?;
        }
    }
    Ok(digest.head().clone())
}

//! The ends of runs in the audit: each names the journal of its run, so that whoever trusts the chain trusts the journals.

use domain::{RunId, RunState, Timestamp};
use governance::{
    Actor, Finding, FindingKind, JournalDigest, JournalHead, JournalRow, NewEntry, Outcome, Payload, Report,
    Subject,
};
use serde_json::json;
use store::{StoreError, TenantTx};

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
    /// None in entries of releases that left the columns beside the bodies out.
    columns: Option<String>,
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
            "journal_columns_sha256": head.columns_sha256,
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
pub(crate) fn end_of(seq: u64, payload: &Payload) -> Option<RunEnd> {
    let text = |member: &str| payload.detail.get(member)?.as_str().map(str::to_owned);
    (payload.action == ACTION).then_some(())?;
    Some(RunEnd {
        seq,
        run: payload.subject.as_ref()?.id.parse().ok()?,
        count: payload.detail.get("journal_entries")?.as_u64()?,
        sha256: text("journal_sha256")?,
        columns: text("journal_columns_sha256"),
    })
}

impl RunEnd {
    fn names(&self, head: &JournalHead) -> bool {
        let columns = |said: &String| head.columns_sha256.to_string() == *said;
        head.count == self.count
            && head.sha256.to_string() == self.sha256
            && self.columns.as_ref().is_none_or(columns)
    }
}

/// Holds the journals that are still kept against the ends that the audit tells.
pub(crate) fn check(tx: &TenantTx<'_>, ends: &[RunEnd], report: &mut Report) -> Result<(), StoreError> {
    for end in ends {
        if tx.journal_head(end.run)? == 0 {
            continue;
        }
        let wrong = match digest(tx, end.run, end.count) {
            Ok(head) if end.names(&head) => continue,
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
            let row = JournalRow {
                seq: entry.seq,
                attempt: entry.branch,
                at: entry.at,
                kind: &entry.kind,
                taint: entry.taint,
                data_key: entry.data_key.map(|key| key.0),
                has_raw: entry.has_raw,
                body: &entry.body,
            };
            digest.push(row).map_err(|e| StoreError::Malformed { what: e.to_string() })?;
        }
    }
    Ok(digest.head().clone())
}

#[cfg(test)]
mod tests {
    use domain::Taint;

    use super::*;

    /// A journal of one entry of this kind.
    fn journal(kind: &str) -> JournalHead {
        let mut digest = JournalDigest::default();
        let (at, taint) = (Timestamp::from_micros(1), Taint::Trusted);
        let row =
            JournalRow { seq: 1, attempt: 0, at, kind, taint, data_key: None, has_raw: false, body: b"{}" };
        digest.push(row).expect("JSON");
        digest.head().clone()
    }

    #[test]
    fn an_end_of_an_older_release_names_what_it_knew() {
        let (whole, other) = (journal("created"), journal("steered"));
        let text = |columns: &str| {
            format!(
                r#"{{"action":"run.finished","actor":{{"id":"engine","kind":"system"}},"at":"","detail":{{{columns}
                "journal_entries":1,"journal_sha256":"{}"}},"outcome":"done",
                "subject":{{"id":"run_00000000000000000000000000","kind":"run"}},"v":1}}"#,
                whole.sha256
            )
        };
        let end = |columns: &str| {
            end_of(1, &Payload::parse(&text(columns)).expect("an entry")).expect("the end of a run")
        };
        let new = end(&format!(r#""journal_columns_sha256":"{}","#, whole.columns_sha256));
        assert_eq!([new.names(&whole), new.names(&other)], [true, false]);
        assert_eq!([end("").names(&whole), end("").names(&other)], [true, true]);
    }
}

//! Receipts of decisions in the audit: each entry names by hash all that there were when it was recorded, and entries are
//! held against those that are kept.

use std::collections::VecDeque;

use domain::Timestamp;
use governance::{Actor, Head, NewEntry, Outcome, Payload, ReceiptHead, ReceiptRow, ReceiptVerifier, Report};
use serde_json::Value;
use store::{AuditRead, AuditReceiptRow, StoreError, TenantTx};

use crate::audit::{self, AuditError};

/// Receipts that are read at a time.
const PAGE: u32 = 256;

/// The chain over all receipts that there are: those behind what the last entry names are added to that. Without such
/// an entry it begins with the first receipt, as after the update from a release that did not bind them.
pub(crate) fn head(tx: &TenantTx<'_>, log: &Head) -> Result<ReceiptHead, StoreError> {
    extended(tx, named_last(tx, log)?)
}

/// Records an entry of its own for receipts that no entry names yet: those of reads and of what left no entry.
pub(crate) fn bind(tx: &mut TenantTx<'_>, at: Timestamp) -> Result<(), AuditError> {
    let named = named_last(tx, &audit::head(tx)?)?;
    if extended(tx, named.clone())? == named {
        return Ok(());
    }
    let entry = NewEntry {
        at,
        actor: Actor { kind: "system".into(), id: "audit".into(), name: None },
        action: "receipts.bound".into(),
        subject: None,
        detail: Value::Null,
        outcome: Outcome::Done,
        request_id: None,
    };
    audit::record(tx, &entry).map(drop)
}

/// What the last entry names. One that is gone or damaged names nothing: the chain from the first receipt is the same.
fn named_last(tx: &TenantTx<'_>, log: &Head) -> Result<ReceiptHead, StoreError> {
    let row = match tx.audit_entry(log.size()) {
        Err(StoreError::Malformed { .. }) => None,
        row => row?,
    };
    let named = row.and_then(|row| Payload::parse(&row.payload).ok()?.receipts);
    Ok(named.unwrap_or_default())
}

fn extended(tx: &TenantTx<'_>, mut head: ReceiptHead) -> Result<ReceiptHead, StoreError> {
    let mut receipts =
        Receipts::from(tx, i64::try_from(head.count).ok().and_then(|count| count.checked_add(1)));
    while let Some(AuditRead { number, row }) = receipts.next_up_to(i64::MAX)? {
        // A verification says what can't be read; the chain goes on behind it.
        let row = row.unwrap_or_else(|_| unreadable(number));
        head = head.after(tx.tenant(), &row_of(row));
    }
    Ok(head)
}

/// Receipts held against the entries of a log, side by side.
pub(crate) struct Check<'t, 'c> {
    receipts: Receipts<'t, 'c>,
    verifier: ReceiptVerifier,
}

impl<'t, 'c> Check<'t, 'c> {
    pub(crate) fn new(tx: &'t TenantTx<'c>) -> Self {
        Self { receipts: Receipts::from(tx, Some(i64::MIN)), verifier: ReceiptVerifier::new(tx.tenant()) }
    }

    /// Holds the receipts up to what the entry with number `seq` names against it.
    pub(crate) fn against(&mut self, seq: u64, named: &ReceiptHead) -> Result<(), StoreError> {
        self.read_up_to(i64::try_from(named.count).unwrap_or(i64::MAX))?;
        self.verifier.named(seq, named);
        Ok(())
    }

    pub(crate) fn finish(mut self, report: &mut Report) -> Result<(), StoreError> {
        self.read_up_to(i64::MAX)?;
        self.verifier.finish(report);
        Ok(())
    }

    fn read_up_to(&mut self, last: i64) -> Result<(), StoreError> {
        while let Some(AuditRead { number, row }) = self.receipts.next_up_to(last)? {
            match row {
                Ok(row) => self.verifier.receipt(&row_of(row)),
                Err(what) => self.verifier.unreadable(number, &what),
            }
        }
        Ok(())
    }
}

/// The receipts by number, a page at a time.
struct Receipts<'t, 'c> {
    tx: &'t TenantTx<'c>,
    page: VecDeque<AuditRead<AuditReceiptRow>>,
    /// Where the next page begins; none behind the last one.
    from: Option<i64>,
}

impl<'t, 'c> Receipts<'t, 'c> {
    fn from(tx: &'t TenantTx<'c>, from: Option<i64>) -> Self {
        Self { tx, page: VecDeque::new(), from }
    }

    /// The next one, if its number is at most `last`.
    fn next_up_to(&mut self, last: i64) -> Result<Option<AuditRead<AuditReceiptRow>>, StoreError> {
        if self.page.is_empty()
            && let Some(from) = self.from
        {
            self.page = self.tx.audit_receipts(from, PAGE)?.into();
            self.from = self.page.back().and_then(|last| last.number.checked_add(1));
        }
        let fits = self.page.front().is_some_and(|read| read.number <= last);
        Ok(if fits { self.page.pop_front() } else { None })
    }
}

fn unreadable(number: i64) -> AuditReceiptRow {
    AuditReceiptRow {
        number,
        id: Vec::new(),
        at: 0,
        principal: String::new(),
        action: String::new(),
        resource: String::new(),
        decision: String::new(),
        doc: String::new(),
    }
}

fn row_of(row: AuditReceiptRow) -> ReceiptRow {
    ReceiptRow {
        number: row.number,
        id: row.id,
        at: row.at,
        principal: row.principal,
        action: row.action,
        resource: row.resource,
        decision: row.decision,
        doc: row.doc,
    }
}

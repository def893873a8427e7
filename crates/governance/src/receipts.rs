//! Receipts of decisions in one hash: how they come into the audit, and how they are held against it.
//!
//! Each entry names the chain over all receipts that there were when it was recorded ([`Payload::receipts`]), so that no
//! receipt needs an entry of its own.
//!
//! [`Payload::receipts`]: crate::Payload::receipts

use domain::TenantId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::finding::{Finding, FindingKind, Report};
use crate::hash::Hash;

/// What a link begins with, so that it is the hash of nothing else.
const DOMAIN: &[u8] = b"aamas receipt\0";
/// The version of what is hashed.
const VERSION: u8 = 1;

/// A receipt as it is stored. When it was read from a database, each column may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Its number, from 1 without gaps.
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
    /// All of it.
    pub doc: String,
}

/// The chain over the receipts of a tenant, up to one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptHead {
    /// How many receipts there are: the number of the last one.
    pub count: u64,
    /// The last link; zeros if there is none.
    pub sha256: Hash,
}

impl Default for ReceiptHead {
    fn default() -> Self {
        Self { count: 0, sha256: Hash::ZERO }
    }
}

impl ReceiptHead {
    /// The chain with one more receipt. Everything of variable length has its length before it:
    ///
    /// `SHA-256("aamas receipt" 00 || version (1 byte) || tenant (16) || link before (32) || number (8) || time (8) || for
    /// each of id, principal, action, resource, decision and document: length (8), bytes)`, numbers big-endian.
    #[must_use]
    pub fn after(&self, tenant: TenantId, row: &ReceiptRow) -> Self {
        let mut link = Sha256::new()
            .chain_update(DOMAIN)
            .chain_update([VERSION])
            .chain_update(tenant.to_bytes())
            .chain_update(self.sha256.0)
            .chain_update(row.number.to_be_bytes())
            .chain_update(row.at.to_be_bytes());
        let texts = [&row.principal, &row.action, &row.resource, &row.decision, &row.doc];
        for part in std::iter::once(row.id.as_slice()).chain(texts.map(|text| text.as_bytes())) {
            link.update((part.len() as u64).to_be_bytes());
            link.update(part);
        }
        Self { count: u64::try_from(row.number).unwrap_or(0), sha256: Hash(link.finalize().into()) }
    }
}

/// A verification of receipts under way: [`ReceiptVerifier::receipt`] for each by number up to what the next entry
/// names, then [`ReceiptVerifier::named`] for that entry, and so on; those behind the last entry; then
/// [`ReceiptVerifier::finish`].
#[derive(Debug)]
pub struct ReceiptVerifier {
    tenant: TenantId,
    head: ReceiptHead,
    /// The last head that an entry names.
    bound: u64,
    /// The first thing that is wrong with the receipts that no entry was held against yet.
    damage: Option<String>,
    report: Report,
}

impl ReceiptVerifier {
    /// A verification of `tenant`'s receipts.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        let (head, report) = (ReceiptHead::default(), Report::new(tenant));
        Self { tenant, head, bound: 0, damage: None, report }
    }

    /// The next receipt.
    pub fn receipt(&mut self, row: &ReceiptRow) {
        if self.take_place(row.number) {
            self.head = self.head.after(self.tenant, row);
        }
    }

    /// A receipt whose row can't be read.
    pub fn unreadable(&mut self, number: i64, what: &str) {
        if self.take_place(number) {
            self.damaged(format!("receipt {number} can't be read: {what}"));
            self.head.count += 1;
        }
    }

    /// What the entry with number `seq`, which is sound in itself, names.
    pub fn named(&mut self, seq: u64, named: &ReceiptHead) {
        if named.count < self.bound {
            let what = format!("it names {} receipts, and {} were named before", named.count, self.bound);
            return self.add(Some(seq), what);
        }
        if self.head.count < named.count {
            self.missing(named.count);
        } else if self.head != *named {
            let what = format!("{} are not those that there were", span(self.bound + 1, named.count));
            self.damaged(what);
        }
        if let Some(what) = self.damage.take() {
            self.add(Some(seq), what);
        }
        self.head = named.clone();
        self.bound = named.count;
    }

    /// The end of the receipts: what was found and counted goes into the report on the log.
    pub fn finish(mut self, report: &mut Report) {
        if let Some(what) = self.damage.take() {
            self.add(None, what);
        }
        report.receipts = self.report.receipts;
        report.receipts_bound = self.bound;
        report.more_findings += self.report.more_findings;
        self.report.findings.into_iter().for_each(|finding| report.add(finding));
    }

    /// Whether this is the number of a receipt; those between it and the one before are missing.
    fn take_place(&mut self, number: i64) -> bool {
        self.report.receipts += 1;
        let next = self.head.count.saturating_add(1);
        let Some(number) = u64::try_from(number).ok().filter(|number| *number >= next) else {
            self.damaged(format!("a receipt has the number {number}, which none has"));
            return false;
        };
        self.missing(number - 1);
        true
    }

    /// Notes that the receipts up to this one are missing, unless it was seen.
    fn missing(&mut self, to: u64) {
        let from = self.head.count.saturating_add(1);
        if from <= to {
            self.damaged(format!("{} missing", span_is(from, to)));
            self.head.count = to;
        }
    }

    fn damaged(&mut self, what: String) {
        self.damage.get_or_insert(what);
    }

    fn add(&mut self, seq: Option<u64>, what: String) {
        let what = seq.map_or(what.clone(), |seq| format!("entry {seq}: {what}"));
        self.report.add(Finding { kind: FindingKind::Receipt, seq, checkpoint: None, what });
    }
}

fn span(from: u64, to: u64) -> String {
    if from >= to {
        format!("receipt {to}, or one before it,")
    } else {
        format!("receipts {from} to {to}, or some of them,")
    }
}

fn span_is(from: u64, to: u64) -> String {
    if from == to { format!("receipt {to} is") } else { format!("receipts {from} to {to} are") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId::LOCAL;

    fn row(number: i64) -> ReceiptRow {
        ReceiptRow {
            number,
            id: vec![number as u8; 16],
            at: 1_763_875_131_000_042 + number,
            principal: "user_1".into(),
            action: "audit.read".into(),
            resource: "Organization:tenant_1".into(),
            decision: "allow".into(),
            doc: "{\"text\": \"caf\u{e9}\"}".into(),
        }
    }

    fn head(rows: &[ReceiptRow]) -> ReceiptHead {
        rows.iter().fold(ReceiptHead::default(), |head, row| head.after(TENANT, row))
    }

    /// Entry 1 names three receipts, entry 2 none more, entry 3 five; the sixth is named by none.
    fn verified(rows: &[ReceiptRow]) -> Vec<(Option<u64>, String)> {
        let whole: Vec<_> = (1..=6).map(row).collect();
        let mut verifier = ReceiptVerifier::new(TENANT);
        let mut rows = rows.iter().peekable();
        for (seq, count) in [(1, 3), (2, 3), (3, 5)] {
            while let Some(row) = rows.next_if(|row| row.number <= count as i64) {
                verifier.receipt(row);
            }
            verifier.named(seq, &head(&whole[..count]));
        }
        rows.for_each(|row| verifier.receipt(row));
        let mut report = Report::new(TENANT);
        verifier.finish(&mut report);
        report.findings.into_iter().map(|finding| (finding.seq, finding.what)).collect()
    }

    /// The hash was made with Python from the description in docs/evidence.md.
    #[test]
    fn the_chain_is_the_one_that_is_described() {
        let two = head(&[row(1), row(2)]);
        assert_eq!(
            (two.count, two.sha256.to_string().as_str()),
            (2, "98e2333608a02158f5215894dd49547f71f2a6b0988e478bb64d896b8c5b0a5e")
        );
    }

    #[test]
    fn a_receipt_that_was_changed_taken_away_added_or_moved_is_found_at_the_entry_that_names_it() {
        let whole: Vec<_> = (1..=6).map(row).collect();
        let check = |change: fn(&mut Vec<ReceiptRow>), want: &[(Option<u64>, &str)]| {
            let mut rows = whole.clone();
            change(&mut rows);
            let found = verified(&rows);
            let found: Vec<_> = found.iter().map(|(seq, what)| (*seq, what.as_str())).collect();
            assert_eq!(found, want);
        };
        let first = "entry 1: receipts 1 to 3, or some of them, are not those that there were";
        check(|_| {}, &[]);
        check(|rows| rows[1].decision = "deny".into(), &[(Some(1), first)]);
        check(|rows| rows[0].at += 1, &[(Some(1), first)]);
        check(|rows| rows[2].id[7] ^= 1, &[(Some(1), first)]);
        check(
            |rows| {
                rows.swap(3, 4);
                (rows[3].number, rows[4].number) = (4, 5);
            },
            &[(Some(3), "entry 3: receipts 4 to 5, or some of them, are not those that there were")],
        );
        check(|rows| drop(rows.remove(3)), &[(Some(3), "entry 3: receipt 4 is missing")]);
        check(
            |rows| rows.truncate(1),
            &[
                (Some(1), "entry 1: receipts 2 to 3 are missing"),
                (Some(3), "entry 3: receipts 4 to 5 are missing"),
            ],
        );
        check(
            |rows| rows.insert(0, row(0)),
            &[(Some(1), "entry 1: a receipt has the number 0, which none has")],
        );
        check(|rows| rows[5].number = 9, &[(None, "receipts 6 to 8 are missing")]);
        // Behind the last entry nothing says what there was.
        check(|rows| rows.truncate(5), &[]);
    }
}

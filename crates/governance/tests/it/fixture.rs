//! A log as rows, and keys.

use domain::{TenantId, Timestamp};
use governance::{
    Actor, CheckpointRow, EntryRow, Exporter, Finding, FindingKind, Head, HeadRow, NewEntry, Outcome,
    PublicKey, ReceiptHead, Report, SignedCheckpoint, SigningKey, Subject, Verifier, append, sign_checkpoint,
};
use serde_json::json;

pub(crate) const TENANT: TenantId = TenantId::LOCAL;

/// The rows of a log, to be damaged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    pub(crate) tenant: TenantId,
    pub(crate) checkpoints: Vec<CheckpointRow>,
    pub(crate) entries: Vec<EntryRow>,
    pub(crate) head: Option<HeadRow>,
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).expect("a seed")
}

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + second as i64 * 1_000_000)
}

/// The `n`th thing that happened; `flavor` makes two histories different.
pub(crate) fn happened(n: u64, flavor: &str) -> NewEntry {
    NewEntry {
        at: at(n),
        actor: Actor { kind: "user".into(), id: format!("user_{}", n % 3), name: Some("Ada".into()) },
        action: "task.create".into(),
        subject: n.is_multiple_of(2).then(|| Subject { kind: "task".into(), id: format!("task_{n}") }),
        detail: json!({"n": n, "flavor": flavor, "text": "caf\u{e9} \"\n\u{1F600}"}),
        outcome: [Outcome::Done, Outcome::Denied, Outcome::Failed][n as usize % 3],
        request_id: n.is_multiple_of(4).then(|| format!("req-{n}")),
    }
}

impl Log {
    /// A log of `size` entries with checkpoints at some sizes, signed by the key of seed 1.
    pub(crate) fn new(tenant: TenantId, size: u64, flavor: &str, checkpoints: &[u64]) -> Self {
        let key = key(1);
        let mut head = Head::empty(tenant);
        let (mut entries, mut signed) = (Vec::new(), Vec::<SignedCheckpoint>::new());
        for n in 0..=size {
            if n > 0 {
                let (row, next) =
                    append(&head, &happened(n, flavor), &ReceiptHead::default()).expect("within the bounds");
                entries.push(row);
                head = next;
            }
            if checkpoints.contains(&n) {
                let sign = |bytes: &[u8]| Some(key.sign(bytes));
                let next = sign_checkpoint(&head, at(n), signed.last(), key.public(), sign);
                signed.push(next.expect("our key"));
            }
        }
        let checkpoints = signed.iter().map(SignedCheckpoint::to_row).collect();
        let head = (size > 0).then(|| head.to_row());
        Self { tenant, checkpoints, entries, head }
    }

    /// 20 entries with checkpoints at 0, 5, 12 and 20.
    pub(crate) fn usual() -> Self {
        Self::new(TENANT, 20, "true", &[0, 5, 12, 20])
    }

    pub(crate) fn note(&self, size: i64) -> String {
        self.checkpoints.iter().find(|row| row.size == size).expect("a checkpoint").note.clone()
    }

    pub(crate) fn verify(&self, trusted: &[PublicKey], outside: &[&str]) -> Report {
        let mut verifier = Verifier::new(self.tenant, trusted, outside);
        self.checkpoints.iter().for_each(|row| verifier.checkpoint(row));
        self.entries.iter().for_each(|row| drop(verifier.entry(row)));
        verifier.finish(self.head.as_ref())
    }

    pub(crate) fn export(&self) -> Vec<u8> {
        let mut exporter = Exporter::begin(Vec::new(), self.tenant).expect("memory");
        self.checkpoints.iter().for_each(|row| exporter.checkpoint(row).expect("memory"));
        self.entries.iter().for_each(|row| exporter.entry(row).expect("memory"));
        exporter.end(self.head.as_ref()).expect("memory")
    }
}

/// Kind, entry and checkpoint of each finding.
pub(crate) fn short(findings: &[Finding]) -> Vec<(FindingKind, Option<u64>, Option<u64>)> {
    findings.iter().map(|f| (f.kind, f.seq, f.checkpoint)).collect()
}

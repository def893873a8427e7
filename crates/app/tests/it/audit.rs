//! The audit on a real store: what was done and its entry commit together, and the log verifies.

use domain::{ReceiptId, TenantId, Timestamp};
use governance::{
    Actor, NewEntry, Outcome, PublicKey, Report, SigningKey, Subject, verify_export, write_checkpoint,
};
use serde_json::json;
use store::{OpenOptions, ReceiptRecord, Store, StoreError};
use tempfile::TempDir;

use app::audit::{AuditError, checkpoint, export, record, verify};

pub(crate) const TENANT: TenantId = TenantId::LOCAL;

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[3; 32]).expect("a seed")
}

pub(crate) fn trusted() -> [PublicKey; 1] {
    [key().public()]
}

pub(crate) fn happened(n: u64) -> NewEntry {
    NewEntry {
        at: Timestamp::from_micros(1_700_000_000_000_000 + n as i64),
        actor: Actor { kind: "user".into(), id: format!("user_{}", n % 3), name: Some("Ada".into()) },
        action: "task.create".into(),
        subject: n.is_multiple_of(2).then(|| Subject { kind: "task".into(), id: format!("task_{n}") }),
        detail: json!({"n": n, "text": "caf\u{e9}"}),
        outcome: Outcome::Done,
        request_id: None,
    }
}

/// The receipt of the decision on what happened.
pub(crate) fn receipt(n: u64) -> ReceiptRecord {
    let mut id = [7; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    ReceiptRecord {
        number: 0,
        id: ReceiptId::from_bytes(id),
        at: happened(n).at,
        principal: format!("user_{}", n % 3),
        action: "tasks.create".into(),
        resource: "Project:project_1".into(),
        decision: "allow".into(),
        doc: json!({"reasons": ["role"], "text": "caf\u{e9}"}),
    }
}

pub(crate) fn open() -> (TempDir, Store) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
    (dir, store)
}

/// Runs a transaction whose error is our own.
fn transact<T: Send + 'static>(
    store: &Store,
    tenant: TenantId,
    work: impl FnOnce(&mut store::TenantTx<'_>) -> Result<T, AuditError> + Send + 'static,
) -> Result<T, AuditError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(store.transact(tenant, work))
}

pub(crate) fn fill(store: &Store, tenant: TenantId, numbers: std::ops::RangeInclusive<u64>) {
    transact(store, tenant, |tx| {
        numbers.into_iter().try_for_each(|n| {
            tx.add_receipt(&receipt(n))?;
            record(tx, &happened(n)).map(drop)
        })
    })
    .expect("within the bounds");
}

pub(crate) fn sign(store: &Store, tenant: TenantId) -> Option<governance::SignedCheckpoint> {
    transact(store, tenant, |tx| {
        let key = key();
        checkpoint(tx, Timestamp::from_micros(1), key.public(), |bytes| Some(key.sign(bytes)))
    })
    .expect("our key")
}

#[test]
fn a_log_is_recorded_signed_exported_and_verified_anywhere() {
    let (dir, store) = open();
    fill(&store, TENANT, 1..=300);
    let first = sign(&store, TENANT).expect("it has grown");
    fill(&store, TENANT, 301..=310);
    let second = sign(&store, TENANT).expect("it has grown");
    assert_eq!(sign(&store, TENANT), None, "it has not grown");
    fill(&store, TENANT, 311..=312);

    let path = write_checkpoint(dir.path(), &second).expect("our directory");
    let outside = [std::fs::read_to_string(path).expect("it is there"), first.text()];
    let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
    let report = store.read_blocking(TENANT, |tx| verify(tx, &trusted(), &outside)).expect("a look");
    let facts = (report.is_whole(), report.entries, report.checkpoints, report.anchored);
    assert_eq!(facts, (true, 312, 2, Some(310)), "{report:#?}");
    assert_eq!((report.receipts, report.receipts_bound), (312, 312));

    let file = store.read_blocking(TENANT, |tx| Ok(export(tx, Vec::new()).expect("memory"))).expect("a look");
    store.close();
    // An export has the log alone.
    let report = Report { receipts: 0, receipts_bound: 0, ..report };
    assert_eq!(verify_export(file.as_slice(), &trusted(), &outside).expect("an export"), report);
}

#[test]
fn an_entry_commits_with_what_it_tells_of_or_not_at_all() {
    let (_dir, store) = open();
    fill(&store, TENANT, 1..=2);
    let undone: Result<(), _> = transact(&store, TENANT, |tx| {
        assert_eq!(record(tx, &happened(3))?, 3);
        Err(StoreError::Closed.into())
    });
    assert!(undone.is_err());
    fill(&store, TENANT, 4..=4);
    let report = store.read_blocking(TENANT, |tx| verify(tx, &[], &[])).expect("a look");
    assert_eq!((report.entries, report.is_whole()), (3, true), "{report:#?}");
}

#[test]
fn tenants_have_logs_of_their_own() {
    let (_dir, store) = open();
    let other = TenantId::from_bytes([9; 16]);
    for n in 1..=5 {
        fill(&store, TENANT, n..=n);
        fill(&store, other, n + 100..=n + 100);
    }
    let signed = sign(&store, other).expect("it has grown");
    let reports =
        [TENANT, other].map(|t| store.read_blocking(t, |tx| verify(tx, &trusted(), &[])).expect("a look"));
    assert!(reports.iter().all(|report| report.is_whole() && report.entries == 5), "{reports:#?}");
    let swapped =
        store.read_blocking(TENANT, |tx| verify(tx, &trusted(), &[&signed.text()])).expect("a look");
    assert!(!swapped.is_whole());
}

/// Several openings of one directory, as several processes have it, write at once: one log, without a gap.
#[test]
fn writers_at_once_make_one_log() {
    let (dir, store) = open();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let dir = dir.path();
            scope.spawn(move || {
                let store = Store::open(dir, OpenOptions::default()).expect("it opens again");
                for n in 0..25 {
                    fill(&store, TENANT, writer * 100 + n..=writer * 100 + n);
                }
            });
        }
    });
    let report = store.read_blocking(TENANT, |tx| verify(tx, &[], &[])).expect("a look");
    assert_eq!((report.entries, report.is_whole()), (100, true), "{report:#?}");
}

/// As a read of what protects others leaves one.
fn decide(store: &Store, numbers: std::ops::RangeInclusive<u64>) {
    transact(store, TENANT, |tx| numbers.into_iter().try_for_each(|n| Ok(tx.add_receipt(&receipt(n))?)))
        .expect("within the bounds");
}

fn counts(store: &Store) -> (bool, u64, u64, u64) {
    let report = store.read_blocking(TENANT, |tx| verify(tx, &trusted(), &[])).expect("a look");
    (report.is_whole(), report.entries, report.receipts, report.receipts_bound)
}

#[test]
fn receipts_without_an_entry_are_named_by_the_next_one_and_by_each_checkpoint() {
    let (_dir, store) = open();
    decide(&store, 1..=300);
    assert_eq!(counts(&store), (true, 0, 300, 0), "nothing names them yet, as before an update");
    fill(&store, TENANT, 301..=301);
    assert_eq!(counts(&store), (true, 1, 301, 301));
    decide(&store, 302..=303);
    assert_eq!(counts(&store), (true, 1, 303, 301));
    sign(&store, TENANT).expect("it has grown");
    assert_eq!(counts(&store), (true, 2, 303, 303), "an entry of their own");
    assert_eq!(sign(&store, TENANT), None, "it has not grown");
}

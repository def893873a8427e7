//! The audit as rows: behind the head or not at all, and never changed. What hashes mean is tested in `app` and
//! `governance`.

use domain::TenantId;
use store::{AuditCheckpointRow, AuditFilter, AuditHeadRow, AuditRead, AuditRow, Page, StoreError, TenantTx};

use super::fixture::{Fixture, TENANT, at, id};

pub(crate) fn entry(seq: u8) -> AuditRow {
    let parity = ["even", "odd"][usize::from(seq % 2)];
    AuditRow {
        seq: seq.into(),
        at: at(seq.into()),
        actor_kind: "user".to_owned(),
        actor_id: format!("user_{parity}"),
        action: if seq.is_multiple_of(3) { "task.cancel" } else { "task.create" }.to_owned(),
        subject_kind: "task".to_owned(),
        subject_id: format!("task_{seq}"),
        outcome: if seq == 4 { "denied" } else { "done" }.to_owned(),
        prev_hash: vec![seq - 1; 32],
        hash: vec![seq; 32],
        payload: format!("{{\"seq\":{seq}}}"),
    }
}

fn head(seq: u8) -> AuditHeadRow {
    AuditHeadRow { seq: seq.into(), hash: vec![seq; 32], frontier: vec![seq; 64] }
}

fn append(tx: &mut TenantTx<'_>, seq: u8) -> Result<(), StoreError> {
    tx.insert_audit(&entry(seq), &head(seq))
}

/// A store with that many entries.
pub(crate) fn filled(entries: u8) -> Fixture {
    let f = Fixture::new();
    f.write(move |tx| (1..=entries).try_for_each(|seq| append(tx, seq))).expect("each behind the last");
    f
}

#[test]
fn entries_and_head_come_back_as_they_were_written() {
    let f = Fixture::new();
    assert_eq!(f.read(|tx| tx.audit_head()).expect("a look"), None);
    f.write(|tx| (1..=3).try_for_each(|seq| append(tx, seq))).expect("each behind the last");
    assert_eq!(f.read(|tx| tx.audit_head()).expect("a look"), Some(head(3)));
    assert_eq!(f.read(|tx| tx.audit_entry(2)).expect("a look"), Some(entry(2)));
    assert_eq!(f.read(|tx| tx.audit_entry(4)).expect("a look"), None);
    let range = |from, to, limit| f.read(move |tx| tx.audit_range(from, to, limit)).expect("a look");
    let read = |seq: u8| AuditRead { number: seq.into(), row: Ok(entry(seq)) };
    assert_eq!(range(i64::MIN, i64::MAX, 9), [1, 2, 3].map(read));
    assert_eq!(range(2, 2, 9), [read(2)]);
    assert_eq!(range(2, 9, 1), [read(2)]);
    assert_eq!(range(4, 9, 9), []);
}

#[test]
fn an_entry_that_is_not_behind_the_head_is_refused() {
    let f = filled(3);
    let other = |change: fn(&mut AuditRow)| {
        let mut entry = entry(4);
        change(&mut entry);
        entry
    };
    let cases = [
        entry(3),
        entry(1),
        entry(5),
        other(|e| e.prev_hash = vec![9; 32]),
        other(|e| e.seq = 0),
        other(|e| e.seq = i64::MIN),
        other(|e| (e.seq, e.prev_hash) = (1, vec![0; 32])),
    ];
    for entry in cases {
        let said = format!("{entry:?}");
        let refused = f.write(move |tx| tx.insert_audit(&entry, &head(4)));
        assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{said}: {refused:?}");
    }
    // A head that is not the one behind the entry.
    for wrong in [head(3), head(5)] {
        let refused = f.write(move |tx| tx.insert_audit(&entry(4), &wrong));
        assert!(matches!(refused, Err(StoreError::AppendOnly { .. })), "{refused:?}");
    }
    let large = AuditRow { payload: "x".repeat(70_000), ..entry(4) };
    let refused = f.write(move |tx| tx.insert_audit(&large, &head(4)));
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    let undone = f.write(|tx| {
        append(tx, 4)?;
        tx.save_task(&super::fixture::task())
    });
    assert!(matches!(undone, Err(StoreError::NotFound { .. })), "{undone:?}");
    assert_eq!(f.read(|tx| tx.audit_head()).expect("a look"), Some(head(3)));
    f.write(|tx| append(tx, 4)).expect("the head is the third");
}

#[test]
fn entries_are_found_by_what_they_say() {
    let f = filled(7);
    let found = |filter: AuditFilter, page| -> Vec<i64> {
        let rows = f.read(move |tx| tx.audit_entries(&filter, page)).expect("a look");
        rows.iter().map(|row| row.seq).collect()
    };
    let any = AuditFilter::default();
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (any.clone(), vec![7, 6, 5, 4, 3, 2, 1]),
        (AuditFilter { actor: text("user_odd"), ..any.clone() }, vec![7, 5, 3, 1]),
        (AuditFilter { action: text("task.cancel"), ..any.clone() }, vec![6, 3]),
        (AuditFilter { subject: text("task_5"), ..any.clone() }, vec![5]),
        (AuditFilter { subject_kind: text("run"), ..any.clone() }, vec![]),
        (AuditFilter { outcome: text("denied"), ..any.clone() }, vec![4]),
        (AuditFilter { since: Some(at(3)), until: Some(at(5)), ..any.clone() }, vec![4, 3]),
        (AuditFilter { actor: text("user_odd"), action: text("task.cancel"), ..any.clone() }, vec![3]),
        (AuditFilter { actor: text("user_odd"), subject: text("task_4"), ..any.clone() }, vec![]),
        (AuditFilter { actor: text("' OR 1=1 --"), ..any.clone() }, vec![]),
    ];
    for (filter, want) in cases {
        assert_eq!(found(filter.clone(), Page::newest(9)), want, "{filter:?}");
        let oldest = Page::Oldest { after: None, limit: 9 };
        let turned: Vec<i64> = want.into_iter().rev().collect();
        assert_eq!(found(filter.clone(), oldest), turned, "{filter:?}");
    }
    assert_eq!(found(any.clone(), Page::Newest { before: Some(4), limit: 2 }), [3, 2]);
    assert_eq!(found(any, Page::Oldest { after: Some(4), limit: 2 }), [5, 6]);
}

#[test]
fn checkpoints_are_kept_by_their_size() {
    let f = Fixture::new();
    let row = |size: i64| AuditCheckpointRow { size, note: format!("note {size}\n") };
    let read = |size: i64| AuditRead { number: size, row: Ok(row(size)) };
    assert_eq!(f.read(|tx| tx.latest_audit_checkpoint()).expect("a look"), None);
    f.write(move |tx| [0, 12, 5].iter().try_for_each(|size| tx.insert_audit_checkpoint(&row(*size))))
        .expect("three sizes");
    assert_eq!(f.read(|tx| tx.audit_checkpoints(0, 9)).expect("a look"), [0, 5, 12].map(read));
    assert_eq!(f.read(|tx| tx.audit_checkpoints(1, 1)).expect("a look"), [read(5)]);
    assert_eq!(f.read(|tx| tx.latest_audit_checkpoint()).expect("a look"), Some(read(12)));
    let again = f.write(move |tx| tx.insert_audit_checkpoint(&row(5)));
    assert!(matches!(again, Err(StoreError::AlreadyExists { .. })), "{again:?}");
}

#[test]
fn each_tenant_has_a_log_of_its_own() {
    let f = filled(2);
    let other: TenantId = id();
    f.store.write_blocking(other, |tx| append(tx, 1)).expect("the first of this tenant");
    let heads = [TENANT, other].map(|t| f.store.read_blocking(t, |tx| tx.audit_head()).expect("a look"));
    assert_eq!(heads, [Some(head(2)), Some(head(1))]);
    let entries = f.store.read_blocking(other, |tx| tx.audit_range(i64::MIN, i64::MAX, 9)).expect("a look");
    assert_eq!(entries.len(), 1);
}

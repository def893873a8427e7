//! The journal by examples; `journal_model` has the histories.

use domain::Taint;
use store::{DataKeyId, Entry, MAX_ENTRY_BYTES, NewEntry, StoreError};

use super::fixture::{Fixture, at, entry};

#[test]
fn an_entry_comes_back_byte_for_byte() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let new = NewEntry {
        branch: 3,
        at: at(7),
        kind: "model.answered".to_owned(),
        taint: Taint::Secret,
        data_key: Some(DataKeyId([9; 16])),
        body: vec![0, 255, 10],
        raw: Some(b"data: {}\r\n\r\n\xff".to_vec()),
    };
    let both = [new.clone(), entry("plain")];
    assert_eq!(f.write(move |tx| tx.append(run, fence, &both)).expect("the lease holds"), [1, 2]);
    let want = Entry {
        seq: 1,
        branch: 3,
        at: at(7),
        kind: new.kind,
        taint: Taint::Secret,
        data_key: new.data_key,
        body: new.body,
        has_raw: true,
    };
    assert_eq!(f.read(|tx| tx.entries(run, 1, 1)).expect("a look"), [want]);
    assert_eq!(f.read(|tx| tx.raw_bytes(run, 1)).expect("a look"), new.raw);
    assert_eq!(f.read(|tx| tx.raw_bytes(run, 2)).expect("a look"), None);
    assert_eq!(f.read(|tx| tx.journal_head(run)).expect("a look"), 2);
}

#[test]
fn each_run_counts_for_itself() {
    let f = Fixture::new();
    let runs = [f.held_run(), f.held_run()];
    for (run, fence) in runs.into_iter().chain(runs) {
        f.write(move |tx| tx.append(run, fence, &[entry("x")])).expect("the lease holds");
    }
    let heads = runs.map(|(run, _)| f.read(|tx| tx.journal_head(run)).expect("a look"));
    assert_eq!(heads, [2, 2]);
}

#[test]
fn without_the_present_lease_nothing_is_appended() {
    let f = Fixture::new();
    let (run, stale) = f.held_run();
    let taken = f.write(move |tx| {
        tx.acquire_lease(run, &super::fixture::owner(2), at(2), super::fixture::TTL, |_| true)
    });
    let fence = taken.expect("its owner is dead").fence;
    let refused = f.write(move |tx| tx.append(run, stale, &[entry("late")]));
    assert!(matches!(refused, Err(StoreError::Fenced { fence, .. }) if fence == stale), "{refused:?}");
    f.write(move |tx| tx.append(run, fence, &[entry("good")])).expect("the lease holds");
    f.write(move |tx| tx.release_lease(run, fence)).expect("the lease holds");
    let refused = f.write(move |tx| tx.append(run, fence, &[entry("released")]));
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    let bodies: Vec<_> =
        f.read(|tx| tx.entries(run, 1, 9)).expect("a look").into_iter().map(|e| e.body).collect();
    assert_eq!(bodies, [b"good"]);
}

#[test]
fn a_refused_closure_leaves_no_gap() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let refused: Result<(), _> = f.write(move |tx| {
        tx.append(run, fence, &[entry("a"), entry("b")])?;
        Err(StoreError::Closed)
    });
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    assert_eq!(f.write(move |tx| tx.append(run, fence, &[entry("c")])).expect("the lease holds"), [1]);
}

#[test]
fn large_entries_are_read_a_few_at_a_time_and_too_large_ones_refused() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let large = NewEntry { body: vec![7; 5 << 20], ..entry("") };
    let three = [large.clone(), large.clone(), large];
    f.write(move |tx| tx.append(run, fence, &three)).expect("the lease holds");
    let (mut pages, mut from) = (Vec::new(), 1);
    loop {
        let page = f.read(|tx| tx.entries(run, from, 100)).expect("a look");
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        pages.push(page.len());
    }
    assert_eq!(pages, [1, 1, 1]);
    let too_large = NewEntry { body: vec![0; MAX_ENTRY_BYTES + 1], ..entry("") };
    let refused = f.write(move |tx| tx.append(run, fence, &[too_large]));
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
}

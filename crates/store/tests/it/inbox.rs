//! Messages to a run.

use std::time::{Duration, Instant};

use serde_json::json;
use store::{MessageKind, NewMessage, StoreError, Taken};

use super::fixture::{Fixture, TTL, at, id, owner};

fn message(key: &str, kind: MessageKind) -> NewMessage {
    NewMessage { key: key.to_owned(), kind, author: "ada".to_owned(), body: json!({"text": key}), at: at(3) }
}

#[test]
fn messages_are_taken_once_and_in_order() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    assert!(!f.read(|tx| tx.has_message(run)).expect("a look"));
    for (key, kind) in [("a", MessageKind::Steer), ("b", MessageKind::Pause), ("a", MessageKind::Cancel)] {
        f.write(move |tx| tx.post_message(run, &message(key, kind))).expect("a known run");
    }
    assert!(f.read(|tx| tx.has_message(run)).expect("a look"));
    let pending = f.read(|tx| tx.pending_messages(run, 9)).expect("a look");
    let said: Vec<_> = pending.iter().map(|m| (m.seq, m.key.as_str(), m.kind)).collect();
    assert_eq!(said, [(1, "a", MessageKind::Steer), (2, "b", MessageKind::Pause)], "a key counts once");
    let taken =
        [1, 1, 2].map(|seq| f.write(move |tx| tx.take_message(run, fence, seq, at(4))).expect("it is there"));
    assert_eq!(taken, [Taken::Now, Taken::Before, Taken::Now]);
    assert!(!f.read(|tx| tx.has_message(run)).expect("a look"));
    let seqs: Vec<_> =
        f.read(|tx| tx.messages(run, 2, 9)).expect("a look").iter().map(|m| (m.seq, m.taken_at)).collect();
    assert_eq!(seqs, [(2, Some(at(4)))]);
}

#[test]
fn only_the_holder_of_the_lease_takes_a_message() {
    let f = Fixture::new();
    let (run, stale) = f.held_run();
    f.write(move |tx| tx.post_message(run, &message("a", MessageKind::Cancel))).expect("a known run");
    let fence =
        f.write(move |tx| tx.acquire_lease(run, &owner(2), at(2), TTL, |_| true)).expect("dead").fence;
    let refused = f.write(move |tx| tx.take_message(run, stale, 1, at(4)));
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(
        f.write(move |tx| tx.take_message(run, fence, 1, at(4))).expect("the lease holds"),
        Taken::Now
    );
    let refused = f.write(move |tx| tx.take_message(run, stale, 1, at(4)));
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "also once it is taken: {refused:?}");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let nowhere = f.write(|tx| tx.post_message(id(), &message("a", MessageKind::Steer)));
    assert!(matches!(nowhere, Err(StoreError::NotFound { what: "run", .. })), "{nowhere:?}");
    let nothing = f.write(move |tx| tx.take_message(run, fence, 1, at(1)));
    assert!(matches!(nothing, Err(StoreError::NotFound { what: "message", .. })), "{nothing:?}");
}

#[test]
fn a_watch_sees_what_another_opener_commits() {
    let f = Fixture::new();
    let run = f.run();
    let other = f.again();
    let mut watch = f.store.watch().expect("it opens");
    assert!(!watch.changed().expect("a look"));
    other
        .write_blocking(super::fixture::TENANT, move |tx| {
            tx.post_message(run, &message("a", MessageKind::Steer))
        })
        .expect("a known run");
    // PostgreSQL tells of it a moment later.
    let until = Instant::now() + Duration::from_secs(20);
    while !watch.changed().expect("a look") {
        assert!(Instant::now() < until, "the other's commit was never seen");
        std::thread::yield_now();
    }
    assert!(!watch.changed().expect("a look"));
}

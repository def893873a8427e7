//! Events that wait to be sent.

use domain::EventId;
use serde_json::json;
use store::{NewEvent, StoreError};

use super::fixture::{Fixture, at, id};

fn event(id: EventId) -> NewEvent {
    NewEvent {
        id,
        kind: "dev.aamas.run.started".to_owned(),
        subject: "run_1".to_owned(),
        data: json!({"n": 1}),
        at: at(1),
    }
}

#[test]
fn events_are_sent_in_the_order_of_their_commits() {
    let f = Fixture::new();
    let events: Vec<NewEvent> = (0..3).map(|_| event(id())).collect();
    for one in events.clone() {
        f.write(move |tx| tx.append_event(&one)).expect("a new event");
    }
    let unsent = f.read(|tx| tx.unsent_events(2)).expect("a look");
    assert_eq!(
        unsent.iter().map(|e| (e.position, &e.event)).collect::<Vec<_>>(),
        [(1, &events[0]), (2, &events[1])]
    );
    f.write(|tx| tx.mark_sent(&[1, 2, 2], at(2))).expect("a mark");
    let left = |f: &Fixture| -> Vec<u64> {
        f.read(|tx| tx.unsent_events(9)).expect("a look").iter().map(|e| e.position).collect()
    };
    assert_eq!(left(&f), [3]);
    assert_eq!(f.read(|tx| tx.events_after(1, 9)).expect("a look").len(), 2);
    let twice = events[0].clone();
    let twice = f.write(move |tx| tx.append_event(&twice));
    assert!(matches!(twice, Err(StoreError::AlreadyExists { .. })), "{twice:?}");
}

#[test]
fn forgetting_keeps_what_was_not_sent_and_never_gives_a_place_twice() {
    let f = Fixture::new();
    f.write(|tx| (0..3).try_for_each(|_| tx.append_event(&event(id())))).expect("new events");
    f.write(|tx| tx.mark_sent(&[1, 3], at(2))).expect("a mark");
    assert_eq!(f.write(|tx| tx.forget_sent(at(3))).expect("a sweep"), 1);
    f.write(|tx| tx.append_event(&event(id()))).expect("a new event");
    let places: Vec<_> =
        f.read(|tx| tx.events_after(0, 9)).expect("a look").iter().map(|e| e.position).collect();
    assert_eq!(places, [2, 3, 4]);
    // By age alone, where nobody sends: the newest one keeps its place.
    assert_eq!(f.write(|tx| tx.forget_events(at(9))).expect("a sweep"), 2);
    assert_eq!(f.read(|tx| tx.last_event_position()).expect("a look"), 4);
}

#[test]
fn an_event_commits_with_its_change_or_not_at_all() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    f.write(move |tx| tx.release_lease(run, fence)).expect("the lease holds");
    let refused = f.write(move |tx| {
        tx.append_event(&event(id()))?;
        tx.append(run, fence, &[super::fixture::entry("late")])
    });
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(f.read(|tx| tx.unsent_events(9)).expect("a look"), []);
}

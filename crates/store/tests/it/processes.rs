//! Several processes on one store.

use std::path::Path;

use domain::RunId;
use store::{Owner, RunRecord};

use super::fixture::{Empty, Fixture, TENANT, TTL, add_run, at, entry, id, task};
use crate::child::{Role, Words, command, say};
use crate::place::Place;

const OPERATIONS: usize = 150;

fn run_of(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

/// The child's part: its run is the first one that nobody holds.
pub(crate) fn work(place: &Place) {
    let store = place.open();
    let me = Owner::this_process().expect("there is a /proc");
    let (run, fence) = (1..)
        .find_map(|number| {
            let me = me.clone();
            let lease = store.write_blocking(TENANT, move |tx| {
                tx.acquire_lease(run_of(number), &me, at(1), TTL, |_| false)
            });
            lease.ok().map(|lease| (run_of(number), lease.fence))
        })
        .expect("there is a run for each process");
    for operation in 0..OPERATIONS {
        let body = entry(&operation.to_string());
        store
            .write_blocking(TENANT, move |tx| tx.append(run, fence, &[body]))
            .expect("others only make it wait");
    }
    say("done");
}

#[test]
fn processes_write_at_once_without_disturbing_each_other() {
    const PROCESSES: u8 = 3;
    let f = Fixture::new();
    for number in 1..=PROCESSES {
        let (task, run) =
            (task(), RunRecord::queued(run_of(number), id(), Path::new("/r"), "offline", at(1)));
        f.write(move |tx| add_run(tx, &task, run)).expect("a new run");
    }
    let mut children: Vec<_> = (0..PROCESSES)
        .map(|_| command(Role::Neighbor, f.place()).spawn().expect("this binary starts"))
        .collect();
    for child in &mut children {
        let said: Vec<_> = Words::of(child).collect();
        let ended = child.wait().expect("our child");
        assert!(ended.success() && said == ["done"], "{ended}: {said:?}");
    }
    let want: Vec<_> = (0..OPERATIONS).map(|operation| operation.to_string().into_bytes()).collect();
    for number in 1..=PROCESSES {
        let entries = f.read(|tx| tx.entries(run_of(number), 1, 10_000)).expect("a look");
        assert_eq!(entries.into_iter().map(|e| e.body).collect::<Vec<_>>(), want);
    }
}

#[test]
fn processes_may_open_an_empty_store_at_once() {
    for _ in 0..testkit::speed::cases(5, 50, 1_000) {
        let empty = Empty::new();
        let place = Place { dir: empty.place.dir.join("not/yet/there"), ..empty.place.clone() };
        let mut children: Vec<_> =
            (0..4).map(|_| command(Role::Opener, &place).spawn().expect("this binary starts")).collect();
        let said: Vec<_> =
            children.iter_mut().flat_map(|child| Words::of(child).collect::<Vec<_>>()).collect();
        for child in &mut children {
            child.wait().expect("our child");
        }
        assert_eq!(said, ["opened"; 4]);
    }
}

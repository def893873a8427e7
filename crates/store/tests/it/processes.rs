//! Several processes on one data directory.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use domain::RunId;
use store::{OpenOptions, Owner, RunRecord, Store};

use crate::child::{Role, Words, command, say};
use crate::fixture::{Fixture, TENANT, TTL, add_run, at, entry, id, task};

const OPERATIONS: usize = 150;

fn run_of(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

/// The child's part: its run is the first one that nobody holds.
pub(crate) fn work(dir: &Path) {
    let store = Store::open(dir, OpenOptions::default()).expect("it opens beside others");
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
        .map(|_| command(Role::Neighbor, f.path()).spawn().expect("this binary starts"))
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
fn processes_may_open_an_empty_directory_at_once() {
    for _ in 0..testkit::speed::cases(5, 50, 1_000) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let place = dir.path().join("not/yet/there");
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

/// A process that closes any descriptor of a file gives up its POSIX locks on it; and without its lock, another
/// process may take an open database for one that nobody uses.
#[test]
fn opening_a_directory_twice_in_one_process_gives_up_no_lock() {
    let f = Fixture::new();
    f.held_run();
    let inode = format!(":{} ", std::fs::metadata(f.path().join("aamas.db")).expect("it is there").ino());
    let locks = || {
        let all = std::fs::read_to_string("/proc/locks").expect("there is a /proc");
        all.lines().filter(|line| line.contains("POSIX") && line.contains(&inode)).count()
    };
    assert_eq!(locks(), 1);
    drop(f.again());
    assert_eq!(locks(), 1);
}

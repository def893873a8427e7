//! A process that works on two runs is killed at random moments and started again: what it acknowledged is
//! there, once, without a gap, and the entries, the money and the events tell the same story.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{ArtifactId, EventId, NanoUsd, RunId};
use serde_json::json;
use store::{NewArtifact, NewEvent, Owner, RunRecord, Spend, Store, StoreError, TenantTx};

use super::fixture::{Fixture, TENANT, TTL, add_run, at, entry, task};
use crate::child::{Role, Words, command, say};
use crate::place::Place;

const RUNS: usize = 2;

fn runs() -> [RunId; RUNS] {
    [RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16])]
}

/// Every so many operations an artifact is put as well.
const ARTIFACT_EVERY: u64 = 7;

/// The child's part: one thread for each run, one commit for each operation, a word to the parent after each.
pub(crate) fn work(place: &Place) {
    let store = place.open();
    std::thread::scope(|scope| {
        for (number, run) in runs().into_iter().enumerate() {
            let store = &store;
            scope.spawn(move || work_on(store, number, run));
        }
    });
}

fn work_on(store: &Store, number: usize, run: RunId) {
    let me = Owner::this_process().expect("there is a /proc");
    let lease = store
        .write_blocking(TENANT, move |tx| tx.acquire_lease(run, &me, at(1), TTL, Owner::is_proven_dead))
        .expect("its owner was killed");
    let head = store.read_blocking(TENANT, |tx| tx.journal_head(run)).expect("a look");
    for operation in head / 2 + 1.. {
        let object = (operation % ARTIFACT_EVERY == 0)
            .then(|| store.put_object(TENANT, content(number, operation).as_bytes()).expect("there is room"));
        let done = store.write_blocking(TENANT, move |tx| {
            if let Some(object) = object {
                let id = ArtifactId::from_bytes(name(number, operation));
                let (kind, name) = ("report".to_owned(), operation.to_string());
                tx.add_artifact(&NewArtifact { id, run, kind, name, object, at: at(1) })?;
            }
            one_operation(tx, run, lease.fence, number, operation)
        });
        done.expect("the lease holds");
        say(&format!("{number} {operation}"));
    }
}

fn one_operation(
    tx: &mut TenantTx<'_>,
    run: RunId,
    fence: store::Fence,
    number: usize,
    operation: u64,
) -> Result<(), StoreError> {
    tx.append(run, fence, &bodies(operation).map(|body| entry(&body)))?;
    tx.spend(run, fence, &Spend { cost: Some(NanoUsd(1)), ..Spend::default() })?;
    tx.append_event(&NewEvent {
        id: EventId::from_bytes(name(number, operation)),
        kind: "dev.aamas.turn.finished".to_owned(),
        subject: run.to_string(),
        data: json!({}),
        at: at(1),
    })
}

/// About 2 KB: the result of one operation and the intent of the next.
fn bodies(operation: u64) -> [String; 2] {
    [format!("{operation}: {}", "r".repeat(1_500)), format!("{}? {}", operation + 1, "i".repeat(400))]
}

fn content(number: usize, operation: u64) -> String {
    format!("{number}/{operation} ").repeat(500)
}

fn name(number: usize, operation: u64) -> [u8; 16] {
    let mut name = [number as u8; 16];
    name[8..].copy_from_slice(&operation.to_be_bytes());
    name
}

/// A small generator (xorshift64*): the test says its seed and can be run again with it.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

#[expect(clippy::disallowed_methods, reason = "a failing seed is given back in")]
fn seed() -> u64 {
    let seed = std::env::var("AAMAS_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| getrandom::u64().expect("randomness")).max(1);
    eprintln!("AAMAS_TEST_SEED={seed}");
    seed
}

/// Kills of one directory; then a new one is begun, or reading it all again would take most of the time.
const KILLS_PER_DIRECTORY: u32 = 60;

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut random = Random(seed());
    let mut left = testkit::speed::cases(60, 3_000, 100_000);
    while left > 0 {
        let kills = left.min(KILLS_PER_DIRECTORY);
        kill_in_a_new_directory(kills, &mut random);
        left -= kills;
    }
}

fn kill_in_a_new_directory(kills: u32, random: &mut Random) {
    let f = Fixture::new();
    for run in runs() {
        let (task, run) =
            (task(), RunRecord::queued(run, super::fixture::id(), Path::new("/r"), "offline", at(1)));
        f.write(move |tx| add_run(tx, &task, run)).expect("a new run");
    }
    f.store.close();
    let mut acknowledged = [0; RUNS];
    for kill in 0..kills {
        for (operation, seen) in acknowledged.iter_mut().zip(work_and_die(f.place(), random)) {
            *operation = seen.max(*operation);
        }
        // The others are looked at by the next worker only, which would stumble over a gap.
        if kill % 10 == 9 {
            verify(&f.again(), acknowledged);
        }
    }
    let store = f.again();
    verify(&store, acknowledged);
    assert_eq!(store.check(TENANT).expect("a check").findings, [""; 0]);
    assert!(acknowledged.iter().all(|operations| *operations > 0), "{acknowledged:?}");
}

/// The last operations of each run that a worker acknowledged before it was killed.
fn work_and_die(place: &Place, random: &mut Random) -> [u64; RUNS] {
    let mut child = command(Role::Worker, place).spawn().expect("this binary starts");
    let mut words = Words::of(&mut child);
    let mut last = [0; RUNS];
    let mut hear = |words: String| {
        let (number, operation) = words.split_once(' ').expect("two numbers");
        last[number.parse::<usize>().expect("a number")] = operation.parse().expect("a number");
    };
    for _ in 0..random.below(12) {
        hear(words.next().expect("the worker works until it is killed"));
    }
    spin(Duration::from_micros(random.below(4_000)));
    child.kill().expect("our child");
    words.for_each(&mut hear);
    child.wait().expect("our child");
    last
}

/// Passes a part of a millisecond, to hit any moment of an operation.
fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn verify(store: &Store, acknowledged: [u64; RUNS]) {
    let mut events = 0;
    for ((number, run), acknowledged) in runs().into_iter().enumerate().zip(acknowledged) {
        let entries = all_entries(store, run);
        let operations = entries.len() as u64 / 2;
        assert!(operations >= acknowledged, "{acknowledged} were acknowledged, {operations} are there");
        let want = (1..=operations).flat_map(bodies).map(String::into_bytes);
        let want: Vec<(u64, Vec<u8>)> = (1..).zip(want).collect();
        assert!(entries == want, "a gap, a double or half an operation in run {number}");
        let spent = store.read_blocking(TENANT, |tx| tx.budget(run)).expect("a look").spent;
        assert_eq!(spent.0 as u64, operations);
        for artifact in store.read_blocking(TENANT, |tx| tx.artifacts(run, u32::MAX)).expect("a look") {
            let read = store.read_object(TENANT, artifact.hash, 0, usize::MAX).expect("it is there");
            let operation = artifact.name.parse().expect("a number");
            assert_eq!(String::from_utf8_lossy(&read), content(number, operation));
        }
        events += operations;
    }
    let sent = store.read_blocking(TENANT, |tx| tx.unsent_events(u32::MAX)).expect("a look");
    assert_eq!(sent.len() as u64, events);
}

fn all_entries(store: &Store, run: RunId) -> Vec<(u64, Vec<u8>)> {
    let mut all: Vec<(u64, Vec<u8>)> = Vec::new();
    loop {
        let from = all.last().map_or(1, |(seq, _)| seq + 1);
        let page = store.read_blocking(TENANT, |tx| tx.entries(run, from, 10_000)).expect("a look");
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|entry| (entry.seq, entry.body)));
    }
}

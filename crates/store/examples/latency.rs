//! How long the usual operations of a store take:
//! `cargo run -p store --example latency DIR [postgres://…]`. DIR must be new or empty, and so must the database.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{NanoUsd, RunId, Taint, TaskId, TenantId, Timestamp};
use store::{
    Fence, NewEntry, NewEvent, OpenOptions, Owner, RunRecord, Spend, Store, StoreError, TaskRecord, TenantTx,
};

const ROUNDS: u64 = 500;
const WRITERS: u64 = 32;
const AT: Timestamp = Timestamp::from_micros(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("usage: latency DIR [postgres://…]")?;
    let url = arguments.next();
    let open = || match &url {
        None => Store::open(Path::new(&dir), OpenOptions::default()),
        Some(url) => Store::open_postgres(Path::new(&dir), url, OpenOptions::default()),
    };
    report("open an empty store", time(1, |_| open().map(drop))?);
    report("open an existing store", time(20, |_| open().map(drop))?);
    let store = open()?;
    let owner = Owner::this_process()?;
    let (run, fence) = held_run(&store, TenantId::LOCAL, &owner)?;

    let looks = time(ROUNDS, |_| store.read_blocking(TenantId::LOCAL, |tx| tx.run(run)).map(drop))?;
    report("read a row", looks);
    let claims = time(ROUNDS, |n| {
        let owner = owner.clone();
        store.write_blocking(TenantId::LOCAL, move |tx| {
            let free = RunId::from_bytes([9; 16]);
            if n == 0 {
                add_run(tx, free)?;
            }
            let lease = tx.acquire_lease(free, &owner, AT, Duration::from_secs(30), |_| true)?;
            tx.release_lease(free, lease.fence)
        })
    })?;
    report("take a lease and give it back", claims);
    let appends = time(ROUNDS, |_| {
        store.write_blocking(TenantId::LOCAL, move |tx| tx.append(run, fence, &[entry()])).map(drop)
    })?;
    report("append an entry of 2 KB", appends);
    let turns = time(ROUNDS, |n| store.write_blocking(TenantId::LOCAL, move |tx| turn(tx, run, fence, n)))?;
    report("a turn: two entries, money, event", turns);

    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                for _ in 0..ROUNDS / 10 {
                    let appended =
                        store.write_blocking(TenantId::LOCAL, move |tx| tx.append(run, fence, &[entry()]));
                    assert!(appended.is_ok(), "{appended:?}");
                }
            });
        }
    });
    let each = begun.elapsed() / u32::try_from(WRITERS * (ROUNDS / 10))?;
    println!("{:40} {each:>10.1?} each", format!("append, {WRITERS} writers of one tenant"));

    let tenants: Vec<_> = (1..=8).map(|n| TenantId::from_bytes([n; 16])).collect();
    let held = tenants.iter().map(|tenant| Ok((*tenant, held_run(&store, *tenant, &owner)?)));
    let held: Vec<_> = held.collect::<Result<_, StoreError>>()?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (tenant, (run, fence)) in &held {
            scope.spawn(|| {
                for _ in 0..ROUNDS / 5 {
                    let (run, fence) = (*run, *fence);
                    let appended = store.write_blocking(*tenant, move |tx| tx.append(run, fence, &[entry()]));
                    assert!(appended.is_ok(), "{appended:?}");
                }
            });
        }
    });
    let each = begun.elapsed() / u32::try_from(8 * (ROUNDS / 5))?;
    println!("{:40} {each:>10.1?} each", "append, 8 tenants with a writer each");

    let mut watch = store.watch()?;
    report("look whether anybody committed", time(ROUNDS, |_| watch.changed().map(drop))?);
    Ok(())
}

/// The time of each round, sorted.
fn time(
    rounds: u64,
    mut work: impl FnMut(u64) -> Result<(), StoreError>,
) -> Result<Vec<Duration>, StoreError> {
    let mut times = Vec::new();
    for round in 0..rounds {
        let begun = Instant::now();
        work(round)?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times)
}

fn report(what: &str, times: Vec<Duration>) {
    let at = |hundredth: usize| times[(times.len() - 1) * hundredth / 100];
    println!("{what:40} {:>10.1?} median {:>10.1?} p99", at(50), at(99));
}

fn held_run(store: &Store, tenant: TenantId, owner: &Owner) -> Result<(RunId, Fence), StoreError> {
    let (run, owner) = (RunId::from_bytes([1; 16]), owner.clone());
    let fence = store.write_blocking(tenant, move |tx| {
        add_run(tx, run)?;
        Ok(tx.acquire_lease(run, &owner, AT, Duration::from_secs(30), |_| true)?.fence)
    })?;
    Ok((run, fence))
}

fn add_run(tx: &mut TenantTx<'_>, run: RunId) -> Result<(), StoreError> {
    let task = TaskRecord::new(TaskId::from_bytes(run.to_bytes()), "measure", AT);
    tx.insert_task(&task)?;
    tx.insert_run(&RunRecord::queued(run, task.id, Path::new("/repo"), "offline", AT))
}

fn entry() -> NewEntry {
    NewEntry {
        branch: 1,
        at: AT,
        kind: "note".to_owned(),
        taint: Taint::Trusted,
        data_key: None,
        body: vec![7; 2_000],
        raw: None,
    }
}

fn turn(tx: &mut TenantTx<'_>, run: RunId, fence: Fence, number: u64) -> Result<(), StoreError> {
    tx.append(run, fence, &[entry(), entry()])?;
    tx.spend(run, fence, &Spend { cost: Some(NanoUsd(1)), ..Spend::default() })?;
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    tx.append_event(&NewEvent {
        id: domain::EventId::from_bytes(id),
        kind: "dev.aamas.turn.finished".to_owned(),
        subject: run.to_string(),
        data: serde_json::Value::Null,
        at: AT,
    })
}

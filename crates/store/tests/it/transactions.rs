//! One commit, all or nothing; many callers, one flush; panics and dropped futures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use domain::{NanoUsd, RunId};
use serde_json::json;
use store::{Fence, NewEvent, Page, Spend, StoreError, TenantTx};

use super::fixture::{Fixture, TENANT, at, entry, id, task};

/// The result of one operation, the intent of the next, the event and the money.
fn one_turn(tx: &mut TenantTx<'_>, run: RunId, fence: Fence) -> Result<(), StoreError> {
    tx.append(run, fence, &[entry("result of n"), entry("intent of n+1")])?;
    tx.spend(run, fence, &Spend { cost: Some(NanoUsd(5)), ..Spend::default() })?;
    tx.append_event(&NewEvent {
        id: id(),
        kind: "dev.aamas.turn.finished".to_owned(),
        subject: run.to_string(),
        data: json!({}),
        at: at(1),
    })
}

/// Entries, money, events: what there is of a run.
fn what_is_there(f: &Fixture, run: RunId) -> (u64, i64, usize) {
    f.read(|tx| Ok((tx.journal_head(run)?, tx.budget(run)?.spent.0, tx.unsent_events(99)?.len())))
        .expect("a look")
}

#[test]
fn a_turn_commits_whole_or_not_at_all() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    f.write(move |tx| one_turn(tx, run, fence)).expect("the lease holds");
    assert_eq!(what_is_there(&f, run), (2, 5, 1));
    let refused: Result<(), _> = f.write(move |tx| {
        one_turn(tx, run, fence)?;
        Err(StoreError::Closed)
    });
    assert!(refused.is_err());
    assert_eq!(what_is_there(&f, run), (2, 5, 1));
    drop(f.store.clone());
    f.store.close();
    let again = f.again().read_blocking(TENANT, |tx| tx.journal_head(run));
    assert_eq!(again.expect("a look"), 2);
}

#[test]
fn in_a_group_each_closure_stands_or_falls_alone() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (go, wait) = mpsc::channel::<()>();
    let results = runtime.block_on(async {
        // The first closure holds the writer until all others are queued.
        let gate = f.store.write(TENANT, move |_| wait.recv().map_err(|_| StoreError::Closed));
        let others = (0..40).map(|n| {
            let store = f.store.clone();
            async move {
                store
                    .write(TENANT, move |tx| {
                        let seqs = tx.append(run, fence, &[entry(&format!("{n}"))])?;
                        if n % 3 == 0 { Err(StoreError::Closed) } else { Ok(seqs[0]) }
                    })
                    .await
            }
        });
        let opened = async move {
            tokio::task::yield_now().await;
            go.send(()).expect("the first closure waits");
        };
        let (gate, others, ()) = tokio::join!(gate, join_all(others), opened);
        gate.expect("it only waits");
        others
    });
    let kept: Vec<u64> = results.iter().filter_map(|r| r.as_ref().ok().copied()).collect();
    assert_eq!(kept, (1..=26).collect::<Vec<u64>>(), "no gap where a closure failed");
    assert_eq!(f.read(|tx| tx.journal_head(run)).expect("a look"), 26);
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|f| (Some(Box::pin(f)), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, output) in &mut futures {
            let Some(running) = future else { continue };
            match running.as_mut().poll(context) {
                std::task::Poll::Ready(value) => (*future, *output) = (None, Some(value)),
                std::task::Poll::Pending => ready = false,
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

#[test]
fn a_panic_reaches_its_caller_and_nobody_else() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        f.write(move |tx| -> Result<(), StoreError> {
            tx.append(run, fence, &[entry("half")])?;
            panic!("a bug above the store")
        })
    }));
    let words = panicked.expect_err("it panicked");
    assert_eq!(words.downcast_ref(), Some(&"a bug above the store"));
    assert_eq!(f.write(move |tx| tx.append(run, fence, &[entry("after")])).expect("the writer lives"), [1]);
}

/// PostgreSQL gives up a transaction with the first statement that it refuses, so no closure may go on after one.
#[test]
fn a_statement_that_was_refused_undoes_its_closure_even_if_that_goes_on() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let task = task();
    let twice = f.write(move |tx| {
        tx.append(run, fence, &[entry("undone")])?;
        tx.insert_task(&task)?;
        let handled = tx.insert_task(&task);
        assert!(matches!(handled, Err(StoreError::AlreadyExists { .. })), "{handled:?}");
        // Whatever it asks then, it gets the same answer.
        assert!(matches!(tx.journal_head(run), Err(StoreError::AlreadyExists { .. })));
        Ok(())
    });
    assert!(matches!(twice, Err(StoreError::AlreadyExists { .. })), "{twice:?}");
    assert_eq!(
        f.read(|tx| Ok((tx.journal_head(run)?, tx.tasks(None, Page::newest(9))?.len()))).expect("a look"),
        (0, 1)
    );
}

/// The writers of PostgreSQL take turns among tenants; each tenant's own writes stay in order.
#[test]
fn writes_of_many_tenants_at_once_stay_in_order() {
    const TENANTS: u8 = 7;
    const WRITES: u32 = 20;
    let f = Fixture::new();
    let tenants: Vec<_> = (0..TENANTS).map(|n| domain::TenantId::from_bytes([n; 16])).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let writes = (0..WRITES).flat_map(|n| tenants.iter().map(move |tenant| (n, *tenant)));
    let results = runtime.block_on(join_all(writes.map(|(n, tenant)| {
        let store = f.store.clone();
        async move {
            store
                .write(tenant, move |tx| {
                    let event = NewEvent {
                        id: id(),
                        kind: "t".to_owned(),
                        subject: n.to_string(),
                        data: json!(1),
                        at: at(1),
                    };
                    tx.append_event(&event)
                })
                .await
        }
    })));
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let want: Vec<_> = (1..).zip((0..WRITES).map(|n| n.to_string())).collect();
    for tenant in tenants {
        let events = f.store.read_blocking(tenant, |tx| tx.unsent_events(99)).expect("a look");
        let seen: Vec<_> = events.into_iter().map(|e| (e.position, e.event.subject)).collect();
        assert_eq!(seen, want);
    }
}

#[test]
fn an_error_of_the_callers_own_undoes_and_comes_back() {
    #[derive(Debug)]
    enum Mine {
        Refused,
        Store,
    }
    impl From<StoreError> for Mine {
        fn from(_: StoreError) -> Self {
            Self::Store
        }
    }
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let results = runtime.block_on(async {
        let refused = f.store.transact(TENANT, move |tx| {
            tx.append(run, fence, &[entry("undone")])?;
            Err::<(), _>(Mine::Refused)
        });
        let refused = refused.await;
        f.store.close();
        (refused, f.store.transact(TENANT, |_| Ok::<_, Mine>(())).await)
    });
    assert!(matches!(results, (Err(Mine::Refused), Err(Mine::Store))), "{results:?}");
    let head = f.again().read_blocking(TENANT, |tx| tx.journal_head(run));
    assert_eq!(head.expect("a look"), 0);
}

#[test]
fn a_write_whose_future_is_dropped_is_whole_or_absent() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let write = f.store.write(TENANT, move |tx| one_turn(tx, run, fence));
        tokio::select! {
            biased;
            _ = write => {}
            () = std::future::ready(()) => {}
        }
    });
    f.write(|_| Ok(())).expect("what was queued before is done");
    let there = what_is_there(&f, run);
    assert!(there == (2, 5, 1) || there == (0, 0, 0), "{there:?}");
}

#[test]
fn reads_are_one_snapshot_and_run_beside_a_write() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let store = f.store.clone();
    let heads = f.read(|tx| {
        let before = tx.journal_head(run)?;
        store.write_blocking(TENANT, move |tx| tx.append(run, fence, &[entry("later")]))?;
        Ok((before, tx.journal_head(run)?))
    });
    assert_eq!(heads.expect("two looks"), (0, 0));
    assert_eq!(f.read(|tx| tx.journal_head(run)).expect("a look"), 1);
}

/// Rows are numbered by a look at the last one: between two openers that only holds while one of them waits.
#[test]
fn several_openers_that_write_for_one_tenant_take_turns() {
    const WRITES: u64 = 40;
    let f = Fixture::new();
    let openers = [f.store.clone(), f.again(), f.again()];
    let count = openers.len() as u64 * WRITES;
    std::thread::scope(|scope| {
        for store in &openers {
            scope.spawn(move || {
                for n in 0..WRITES {
                    let event = NewEvent {
                        id: id(),
                        kind: "t".to_owned(),
                        subject: n.to_string(),
                        data: json!(1),
                        at: at(1),
                    };
                    let written = store.write_blocking(TENANT, move |tx| tx.append_event(&event));
                    assert!(written.is_ok(), "{written:?}");
                }
            });
        }
    });
    let events = f.read(|tx| tx.unsent_events(999)).expect("a look");
    assert_eq!(events.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
}

/// Callers inside a runtime may block on the store, and drop it there.
#[test]
fn a_store_is_used_and_dropped_inside_a_runtime() {
    let f = Fixture::new();
    for runtime in [
        tokio::runtime::Builder::new_current_thread().build(),
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build(),
    ] {
        let runtime = runtime.expect("a runtime");
        let store = f.again();
        let used = runtime.block_on(async move {
            store.write_blocking(TENANT, |tx| tx.cache_put("key", b"value", at(1)))?;
            let seen = store.read_blocking(TENANT, |tx| tx.cache_get("key"))?.is_some();
            let _watch = store.watch()?;
            Ok::<_, StoreError>(seen)
        });
        assert!(used.expect("it works as outside"));
    }
}

#[test]
fn many_readers_take_turns() {
    let f = Fixture::new();
    let run = f.run();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| f.read(|tx| tx.run(run)).expect("a look").expect("it is there"));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let seen = runtime.block_on(f.store.read(TENANT, move |tx| tx.run(run)));
    assert!(seen.expect("a look").is_some());
}

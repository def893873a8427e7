//! Random histories of leases and appends, compared step by step with a plain model.

use std::time::Duration;

use domain::{RunId, Timestamp};
use proptest::prelude::*;
use store::{Fence, StoreError};

use super::fixture::{Fixture, TTL, at, entry, owner};

#[derive(Clone, Debug)]
enum Step {
    /// The process says whether it can prove that the owner is dead.
    Acquire {
        by: usize,
        proves_death: bool,
    },
    Renew {
        by: usize,
    },
    Release {
        by: usize,
    },
    Append {
        by: usize,
        entries: usize,
    },
    /// Appends, then gives up.
    AppendAndFail {
        by: usize,
    },
    /// The clock jumps, also back.
    Clock {
        seconds: i64,
    },
}

const PROCESSES: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let by = 0..PROCESSES;
    prop_oneof![
        3 => (by.clone(), any::<bool>()).prop_map(|(by, proves_death)| Step::Acquire { by, proves_death }),
        1 => by.clone().prop_map(|by| Step::Renew { by }),
        1 => by.clone().prop_map(|by| Step::Release { by }),
        6 => (by.clone(), 0..4usize).prop_map(|(by, entries)| Step::Append { by, entries }),
        1 => by.prop_map(|by| Step::AppendAndFail { by }),
        2 => (-90..90i64).prop_map(|seconds| Step::Clock { seconds }),
    ]
}

/// What should be there.
struct Model {
    now: Timestamp,
    /// Who holds the lease, with which token, and until when.
    held: Option<(usize, Fence, Timestamp)>,
    /// The last token that was given to anybody.
    last: Option<Fence>,
    /// The last token that each process got, stale or not.
    tokens: [Option<Fence>; PROCESSES],
    bodies: Vec<String>,
}

impl Model {
    fn new() -> Self {
        Self { now: at(1_000), held: None, last: None, tokens: [None; PROCESSES], bodies: Vec::new() }
    }

    fn is_current(&self, fence: Fence) -> bool {
        self.held.is_some_and(|(_, held, _)| held == fence)
    }

    fn is_free_for(&self, proves_death: bool) -> bool {
        self.held.is_none_or(|(_, _, until)| proves_death || until <= self.now)
    }
}

fn apply(f: &Fixture, run: RunId, model: &mut Model, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Clock { seconds } => {
            model.now = Timestamp::from_micros(model.now.as_micros() + seconds * 1_000_000)
        }
        Step::Acquire { by, proves_death } => acquire(f, run, model, by, proves_death)?,
        Step::Renew { by } => {
            let Some(fence) = model.tokens[by] else { return Ok(()) };
            let now = model.now;
            let renewed = f.write(move |tx| tx.renew_lease(run, fence, now, TTL));
            expect_fenced(&renewed, !model.is_current(fence))?;
            if let Ok(lease) = renewed {
                model.held = Some((by, fence, lease.until));
            }
        }
        Step::Release { by } => {
            let Some(fence) = model.tokens[by] else { return Ok(()) };
            let released = f.write(move |tx| tx.release_lease(run, fence));
            expect_fenced(&released, !model.is_current(fence))?;
            if released.is_ok() {
                model.held = None;
            }
        }
        Step::Append { by, entries } => append(f, run, model, by, entries)?,
        Step::AppendAndFail { by } => {
            let Some(fence) = model.tokens[by] else { return Ok(()) };
            let failed: Result<(), _> = f.write(move |tx| {
                tx.append(run, fence, &[entry("undone")])?;
                Err(StoreError::Closed)
            });
            prop_assert!(failed.is_err());
        }
    }
    Ok(())
}

fn acquire(
    f: &Fixture,
    run: RunId,
    model: &mut Model,
    by: usize,
    proves_death: bool,
) -> Result<(), TestCaseError> {
    let (now, me) = (model.now, owner(by as u32));
    let taken = f.write(move |tx| tx.acquire_lease(run, &me, now, TTL, |_| proves_death));
    match taken {
        Ok(lease) => {
            prop_assert!(model.is_free_for(proves_death), "a second holder");
            prop_assert!(model.last.is_none_or(|last| lease.fence > last), "a token went back");
            model.held = Some((by, lease.fence, lease.until));
            model.last = Some(lease.fence);
            model.tokens[by] = Some(lease.fence);
        }
        Err(StoreError::LeaseHeld { owner, .. }) => {
            prop_assert!(!model.is_free_for(proves_death), "a free lease was refused");
            prop_assert_eq!(Some(owner.pid as usize), model.held.map(|(by, ..)| by));
        }
        Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
    }
    Ok(())
}

fn append(f: &Fixture, run: RunId, model: &mut Model, by: usize, count: usize) -> Result<(), TestCaseError> {
    let Some(fence) = model.tokens[by] else { return Ok(()) };
    let from = model.bodies.len();
    let bodies: Vec<String> = (0..count).map(|n| format!("{by} wrote {}", from + n)).collect();
    let entries: Vec<_> = bodies.iter().map(|body| entry(body)).collect();
    let appended = f.write(move |tx| tx.append(run, fence, &entries));
    expect_fenced(&appended, !model.is_current(fence) && count > 0)?;
    if let Ok(seqs) = appended {
        let want: Vec<u64> = (from + 1..=from + count).map(|seq| seq as u64).collect();
        prop_assert_eq!(seqs, want);
        model.bodies.extend(bodies);
    }
    Ok(())
}

fn expect_fenced<T: std::fmt::Debug>(
    result: &Result<T, StoreError>,
    fenced: bool,
) -> Result<(), TestCaseError> {
    let as_wanted = match result {
        Ok(_) => !fenced,
        Err(StoreError::Fenced { .. }) => fenced,
        Err(_) => false,
    };
    prop_assert!(as_wanted, "fenced should be {}: {:?}", fenced, result);
    Ok(())
}

#[test]
fn random_histories_agree_with_the_model() {
    let f = Fixture::new();
    let config =
        ProptestConfig { cases: testkit::speed::cases(60, 600, 20_000), ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..40))| {
        let run = f.run();
        let mut model = Model::new();
        for step in steps {
            apply(&f, run, &mut model, step)?;
        }
        let entries = f.read(|tx| tx.entries(run, 1, 1_000)).expect("a look");
        let seqs: Vec<u64> = entries.iter().map(|e| e.seq).collect();
        let bodies: Vec<_> = entries.iter().map(|e| String::from_utf8_lossy(&e.body).into_owned()).collect();
        prop_assert_eq!(seqs, (1..=model.bodies.len() as u64).collect::<Vec<_>>());
        prop_assert_eq!(bodies, model.bodies);
        let held = f.read(|tx| tx.lease(run)).expect("a look").map(|h| (h.owner.pid as usize, h.fence, h.until));
        prop_assert_eq!(held, model.held);
    });
    assert!(TTL > Duration::ZERO);
}

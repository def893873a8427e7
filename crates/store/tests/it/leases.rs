//! Leases by examples.

use store::{HeldLease, Owner, StoreError};

use super::fixture::{Fixture, TTL, at, id, owner};

#[test]
fn a_lease_is_held_until_it_runs_out() {
    let f = Fixture::new();
    let run = f.run();
    let first = f.acquire(run, &owner(1), at(100)).expect("a free run");
    assert_eq!(first.until, at(130));
    let held = HeldLease { fence: first.fence, owner: owner(1), renewed_at: at(100), until: at(130) };
    assert_eq!(f.read(|tx| tx.lease(run)).expect("a look"), Some(held));
    let refused = f.acquire(run, &owner(2), at(129));
    assert!(
        matches!(&refused, Err(StoreError::LeaseHeld { owner: o, until, .. }) if o.pid == 1 && *until == at(130)),
        "{refused:?}"
    );
    let second = f.acquire(run, &owner(2), at(130)).expect("it ran out");
    assert!(second.fence > first.fence);
}

#[test]
fn a_dead_owner_loses_its_lease_at_once() {
    let f = Fixture::new();
    let (run, first) = f.held_run();
    let second = f.write(move |tx| tx.acquire_lease(run, &owner(2), at(1), TTL, |held| held.pid == 1));
    assert!(second.expect("its owner is dead").fence > first);
    let third = f.write(move |tx| tx.acquire_lease(run, &owner(3), at(1), TTL, |held| held.pid == 1));
    assert!(
        matches!(third, Err(StoreError::LeaseHeld { .. })),
        "the death of another proves nothing: {third:?}"
    );
}

#[test]
fn renewing_and_releasing_need_the_token() {
    let f = Fixture::new();
    let (run, first) = f.held_run();
    let renewed = f.write(move |tx| tx.renew_lease(run, first, at(500), TTL)).expect("nobody took over");
    assert_eq!((renewed.fence, renewed.until), (first, at(530)));
    f.write(move |tx| tx.release_lease(run, first)).expect("the lease holds");
    assert_eq!(f.read(|tx| tx.lease(run)).expect("a look"), None);
    let second = f.acquire(run, &owner(1), at(2)).expect("it was released").fence;
    assert!(second > first, "a token is never given twice, not even to the same owner");
    let late = f.write(move |tx| tx.renew_lease(run, first, at(3), TTL));
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
    let late = f.write(move |tx| tx.release_lease(run, first));
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
}

#[test]
fn a_clock_that_jumps_back_takes_nothing_away_and_heals_with_the_next_renewal() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    f.write(move |tx| tx.renew_lease(run, fence, at(10_000), TTL)).expect("the lease holds");
    // Now an hour earlier: the owner still writes, and nobody else gets in.
    assert!(matches!(f.acquire(run, &owner(2), at(6_400)), Err(StoreError::LeaseHeld { .. })));
    f.write(move |tx| tx.append(run, fence, &[super::fixture::entry("x")])).expect("the lease holds");
    let renewed = f.write(move |tx| tx.renew_lease(run, fence, at(6_401), TTL)).expect("the lease holds");
    assert_eq!(renewed.until, at(6_431));
    f.acquire(run, &owner(2), at(6_431)).expect("it ran out by the clock of now");
}

#[test]
fn only_a_run_has_a_lease() {
    let f = Fixture::new();
    let refused = f.acquire(id(), &owner(1), at(1));
    assert!(matches!(refused, Err(StoreError::NotFound { what: "run", .. })), "{refused:?}");
}

#[test]
fn this_process_is_not_proven_dead() {
    let f = Fixture::new();
    let run = f.run();
    let me = Owner::this_process().expect("there is a /proc");
    f.acquire(run, &me, at(1)).expect("a free run");
    let refused = f.write(move |tx| tx.acquire_lease(run, &owner(2), at(1), TTL, Owner::is_proven_dead));
    assert!(matches!(refused, Err(StoreError::LeaseHeld { .. })), "{refused:?}");
}

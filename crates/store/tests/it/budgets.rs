//! What a run may spend.

use domain::{NanoUsd, Usage};
use store::{Budget, Spend, StoreError};

use super::fixture::{Fixture, id};

const USAGE: Usage = Usage {
    input_tokens: 100,
    cached_tokens: 60,
    cache_write_tokens: 5,
    output_tokens: 7,
    reasoning_tokens: 0,
};

#[test]
fn what_is_reserved_can_not_be_spent_twice() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    f.write(move |tx| tx.set_budget(run, Some(NanoUsd(100)))).expect("a known run");
    f.write(move |tx| tx.reserve(run, fence, NanoUsd(60))).expect("enough is left");
    let refused = f.write(move |tx| tx.reserve(run, fence, NanoUsd(41)));
    assert!(matches!(refused, Err(StoreError::BudgetExceeded { wanted: NanoUsd(41), .. })), "{refused:?}");
    let spend = Spend { cost: Some(NanoUsd(50)), usage: USAGE, reserved: NanoUsd(60) };
    f.write(move |tx| tx.spend(run, fence, &spend)).expect("the lease holds");
    f.write(move |tx| tx.reserve(run, fence, NanoUsd(50))).expect("all that is left");
    let want = Budget {
        limit: Some(NanoUsd(100)),
        spent: NanoUsd(50),
        reserved: NanoUsd(50),
        calls: 1,
        unpriced_calls: 0,
        usage: USAGE,
    };
    assert_eq!(f.read(|tx| tx.budget(run)).expect("a look"), want);
    f.write(move |tx| tx.forfeit_reserved(run, fence)).expect("the lease holds");
    let want = Budget { spent: NanoUsd(100), reserved: NanoUsd::ZERO, ..want };
    assert_eq!(f.read(|tx| tx.budget(run)).expect("a look"), want);
}

#[test]
fn an_unknown_price_is_counted_as_unknown() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let spend = Spend { cost: None, usage: USAGE, reserved: NanoUsd::ZERO };
    f.write(move |tx| tx.spend(run, fence, &spend)).expect("the lease holds");
    let want = Budget { calls: 1, unpriced_calls: 1, usage: USAGE, ..Budget::default() };
    assert_eq!(f.read(|tx| tx.budget(run)).expect("a look"), want);
}

#[test]
fn only_the_holder_of_the_lease_spends() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    f.write(move |tx| tx.release_lease(run, fence)).expect("the lease holds");
    let refused = [
        f.write(move |tx| tx.spend(run, fence, &Spend::default())),
        f.write(move |tx| tx.reserve(run, fence, NanoUsd(1))),
        f.write(move |tx| tx.forfeit_reserved(run, fence)),
    ];
    assert!(refused.iter().all(|r| matches!(r, Err(StoreError::Fenced { .. }))), "{refused:?}");
    let unknown = f.read(|tx| tx.budget(id()));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

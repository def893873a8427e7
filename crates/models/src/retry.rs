//! Trying again: how often, and after which pause.

use std::time::Duration;

use domain::Usage;
use tokio_util::sync::CancellationToken;

use crate::call::{Delta, DeltaSink};
use crate::error::{ModelError, ModelErrorKind, Retry};
use crate::rim::Rim;

/// The bounds of trying again.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Tries in all. Six, with pauses that double from one second, outlast the restart of a server.
    pub max_tries: u32,
    /// Tries in all when the cause may well be the request itself: garbage, or an empty answer.
    pub max_tries_seldom: u32,
    /// The upper bound of the first pause; doubled each time. The pause is drawn between nothing and it (full jitter),
    /// so that callers who failed together don't return together.
    pub base: Duration,
    /// The most that the bound grows to.
    pub cap: Duration,
    /// The longest wait that a provider may ask for; beyond it the call fails, and says how long it would be.
    pub max_retry_after: Duration,
    /// No try begins later than this after the first one.
    pub max_total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_tries: 6,
            max_tries_seldom: 3,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(120),
            max_total: Duration::from_secs(900),
        }
    }
}

impl RetryPolicy {
    /// The pause before try `next_try` (from 2), or `None` if there shall be none.
    fn pause(&self, kind: &ModelErrorKind, next_try: u32, draw: u64) -> Option<Duration> {
        let (at_least, max_tries) = match kind.retry() {
            Retry::Never => return None,
            Retry::Backoff { at_least } => (at_least, self.max_tries),
            Retry::Seldom => (Duration::ZERO, self.max_tries_seldom),
        };
        if next_try > max_tries || at_least > self.max_retry_after {
            return None;
        }
        let bound = self.base.saturating_mul(1 << (next_try - 2).min(16)).min(self.cap);
        let share = (draw >> 11) as f64 / (1u64 << 53) as f64;
        Some(at_least + bound.mul_f64(share))
    }
}

/// A try that failed, and what of it will be billed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: ModelErrorKind,
    pub(crate) billed: Usage,
}

/// One thing that can be tried several times.
pub(crate) trait Tries {
    type Done: Send;

    /// Try number `number`, from 1. Ends early when `cancel` does.
    fn once(
        &mut self,
        number: u32,
        on_delta: &mut DeltaSink<'_>,
        cancel: &CancellationToken,
    ) -> impl Future<Output = Result<Self::Done, Failed>> + Send;
}

/// What came of it: the result, how many tries, and what the failed ones used.
pub(crate) struct Tried<T> {
    pub(crate) done: T,
    pub(crate) tries: u32,
    pub(crate) billed: Usage,
}

/// Tries until it is done, fails for good, or a bound is reached.
pub(crate) async fn run<T: Tries>(
    mut tries: T,
    policy: &RetryPolicy,
    rim: &Rim,
    on_delta: &mut DeltaSink<'_>,
    cancel: &CancellationToken,
) -> Result<Tried<T::Done>, ModelError> {
    let began = rim.clock.now();
    let mut billed = Usage::default();
    let mut waited = Duration::ZERO;
    for number in 1.. {
        let failed = match tries.once(number, on_delta, cancel).await {
            Ok(done) => return Ok(Tried { done, tries: number, billed }),
            Err(failed) => failed,
        };
        billed += failed.billed;
        let give_up = |kind| Err(ModelError { kind, billed, tries: number });
        let Some(wait) = policy.pause(&failed.kind, number + 1, (rim.random)()) else {
            return give_up(failed.kind);
        };
        if rim.clock.now().since(began).max(waited) + wait > policy.max_total {
            return give_up(failed.kind);
        }
        waited += wait;
        on_delta(Delta::Waiting { wait, next_try: number + 1, reason: &failed.kind });
        tokio::select! {
            biased;
            () = cancel.cancelled() => return give_up(ModelErrorKind::Canceled),
            () = (rim.sleep)(wait) => {}
        }
    }
    unreachable!("tries are bounded by the policy")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overloaded(retry_after: Option<u64>) -> ModelErrorKind {
        let retry_after = retry_after.map(Duration::from_secs);
        ModelErrorKind::Overloaded { status: 503, retry_after, message: String::new() }
    }

    #[test]
    fn pauses_grow_are_drawn_in_full_and_are_bounded() {
        let policy = RetryPolicy::default();
        let bound = |n| policy.pause(&overloaded(None), n, u64::MAX).map(|d| d.as_secs_f64().round() as u64);
        assert_eq!([2, 3, 4, 5, 6, 7].map(bound), [Some(1), Some(2), Some(4), Some(8), Some(16), None]);
        assert_eq!(policy.pause(&overloaded(None), 4, 0), Some(Duration::ZERO));
        let many = RetryPolicy { max_tries: 100, ..policy };
        assert_eq!(many.pause(&overloaded(None), 90, u64::MAX >> 1).map(|d| d.as_secs()), Some(30));
    }

    #[test]
    fn a_provider_is_waited_for_up_to_a_bound() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(&overloaded(Some(12)), 2, 0), Some(Duration::from_secs(12)));
        assert_eq!(policy.pause(&overloaded(Some(3600)), 2, 0), None);
    }

    #[test]
    fn what_may_be_our_fault_is_tried_seldom() {
        let policy = RetryPolicy::default();
        assert!(policy.pause(&ModelErrorKind::EmptyAnswer, 3, 0).is_some());
        assert!(policy.pause(&ModelErrorKind::EmptyAnswer, 4, 0).is_none());
        assert!(policy.pause(&ModelErrorKind::Canceled, 2, 0).is_none());
    }
}

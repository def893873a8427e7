//! Limits that all calls with one key share.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Secret, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls with one key run at once.
const CALLS_AT_ONCE: usize = 8;

/// The limiters of this process, one for each endpoint and key. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    limiters: Arc<Mutex<HashMap<Account, Arc<Limiter>>>>,
}

impl Limits {
    /// The limiter of an endpoint and a key.
    pub(crate) fn of(&self, endpoint: &str, key: Option<&Secret>) -> Arc<Limiter> {
        let account = Account { endpoint: endpoint.to_owned(), key: fingerprint(key) };
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(limiters.entry(account).or_default())
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Account {
    endpoint: String,
    key: u64,
}

/// Tells keys apart without keeping them.
fn fingerprint(key: Option<&Secret>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.map(Secret::expose).hash(&mut hasher);
    hasher.finish()
}

/// Lets a bounded number of calls through, and none while the provider wants to be left alone.
pub(crate) struct Limiter {
    places: Arc<Semaphore>,
    cool_until: Mutex<Option<Timestamp>>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(CALLS_AT_ONCE)), cool_until: Mutex::new(None) }
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limiter")
    }
}

impl Limiter {
    /// Waits for a place.
    pub(crate) async fn enter(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Holds all calls back for `wait` from now on.
    pub(crate) fn cool_down(&self, now: Timestamp, wait: Duration) {
        let mut until = self.cool_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Some(now.plus(wait)));
    }

    /// How much longer calls are held back.
    pub(crate) fn remaining(&self, now: Timestamp) -> Duration {
        let mut until = self.cool_until.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = until.map_or(Duration::ZERO, |until| until.since(now));
        if remaining.is_zero() {
            *until = None;
        }
        remaining
    }
}

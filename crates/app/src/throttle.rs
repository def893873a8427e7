//! Failed sign-ins, counted in memory: a restart forgets them, and several servers count each for itself.
//!
//! The rule is that of [`auth::lockout`]; writing each failure to the database would give whoever guesses a way to fill it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use auth::lockout::{Attempt, Failures, Gate, address_key};
use domain::Timestamp;

use crate::AppError;

/// Counters kept at most: some 20 MB.
const MAX_COUNTERS: u64 = 200_000;
/// After this without a failure nothing is left of a counter: they halve each hour.
const FORGOTTEN: Duration = Duration::from_secs(12 * 3600);

/// The counters of failed sign-ins.
pub(crate) struct Throttle {
    counters: moka::sync::Cache<String, Failures>,
    /// Held while counters are read and written, so that no failure is lost.
    turn: Mutex<()>,
}

/// The three keys of an attempt.
pub(crate) struct Keys {
    pair: String,
    address: String,
    account: String,
}

impl Keys {
    pub(crate) fn new(email: &str, address: Option<IpAddr>) -> Self {
        let address = address.map_or_else(|| "unknown".to_owned(), address_key);
        Self {
            pair: format!("pair {address} {email}"),
            account: format!("account {email}"),
            address: format!("address {address}"),
        }
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        let counters =
            moka::sync::Cache::builder().max_capacity(MAX_COUNTERS).time_to_idle(FORGOTTEN).build();
        Self { counters, turn: Mutex::default() }
    }

    /// Whether a password or a code may be looked at.
    pub(crate) fn gate(&self, keys: &Keys, now: Timestamp) -> Result<(), AppError> {
        match self.attempt(keys).gate(now) {
            Gate::Open => Ok(()),
            Gate::Wait(pause) => Err(AppError::TooMany { retry_after_s: pause.as_secs() + 1 }),
        }
    }

    pub(crate) fn failed(&self, keys: &Keys, now: Timestamp) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.save(keys, self.attempt(keys).failed(now));
    }

    pub(crate) fn succeeded(&self, keys: &Keys) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.save(keys, self.attempt(keys).succeeded());
    }

    fn attempt(&self, keys: &Keys) -> Attempt {
        let count = |key: &String| self.counters.get(key).unwrap_or_default();
        Attempt {
            pair: count(&keys.pair),
            address: count(&keys.address),
            account: count(&keys.account),
            device: None,
        }
    }

    fn save(&self, keys: &Keys, attempt: Attempt) {
        for (key, failures) in
            [(&keys.pair, attempt.pair), (&keys.address, attempt.address), (&keys.account, attempt.account)]
        {
            if failures == Failures::default() {
                self.counters.invalidate(key);
            } else {
                self.counters.insert(key.clone(), failures);
            }
        }
    }
}

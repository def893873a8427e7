//! How fast sign-ins may fail, without giving anybody the means to lock somebody else out.
//!
//! Failures are counted for three keys: the account as tried from one network address (*pair*), the address, and the
//! account. The rule:
//!
//! 1. A browser that has signed in to this account before brings a device cookie. Only its own failures count for it: five are
//!    free, then each doubles a pause of one second, up to 15 minutes. Whatever others do can't touch it.
//! 2. A stranger pauses for the pair (five are free) and for the address (twenty are free, whatever the accounts).
//! 3. Failures on the account from everywhere never pause anybody. From fifty on, the account is *under attack*, and each
//!    stranger's pair has one free failure in place of five. An address that hasn't failed is let through always, so a person
//!    gets in from any address that isn't the attacker's; and a thousand addresses get one guess each before they pause.
//!
//! An attempt inside a pause is refused before the password is looked at, and is not counted: hammering makes no pause
//! longer. Counts halve each hour. The idea of device cookies is OWASP's ("Slow Down Online Guessing Attacks with Device
//! Cookies"). The caller keeps one [`Failures`] per key, updates them in one transaction, and may forget what
//! [`Failures::is_forgotten`].

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Failures of a pair or a device that cost nothing: people mistype.
const FREE_OF_PAIR: u32 = 5;
/// The same while the account is under attack.
const FREE_OF_PAIR_UNDER_ATTACK: u32 = 1;
/// Failures of an address that cost nothing: an office has one address.
const FREE_OF_ADDRESS: u32 = 20;
/// From this many on an account is under attack.
const UNDER_ATTACK: u32 = 50;
/// The first pause; each failure more doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Time in which a count halves.
const HALF_LIFE: Duration = Duration::from_secs(60 * 60);
/// Counts go no higher; the longest pause is reached long before.
const MOST: u32 = 1_000;

/// Failed sign-ins of one key: a pair, an address, an account or a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    count: u32,
    last_micros: i64,
}

impl Failures {
    /// Counts one more at `now`.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        Self { count: (self.count_at(now) + 1).min(MOST), last_micros: now.as_micros() }
    }

    /// Whether nothing is left of it at `now`, so that it need not be kept.
    #[must_use]
    pub fn is_forgotten(self, now: Timestamp) -> bool {
        self.count_at(now) == 0
    }

    fn last(self) -> Timestamp {
        Timestamp::from_micros(self.last_micros)
    }

    fn count_at(self, now: Timestamp) -> u32 {
        let halvings = now.since(self.last()).as_secs() / HALF_LIFE.as_secs();
        u32::try_from(halvings).ok().and_then(|n| self.count.checked_shr(n)).unwrap_or(0)
    }

    /// What is left of the pause at `now`.
    fn pause(self, now: Timestamp, free: u32) -> Duration {
        let Some(beyond) = self.count_at(now).checked_sub(free.max(1)) else { return Duration::ZERO };
        let pause = FIRST_PAUSE.saturating_mul(1 << beyond.min(20)).min(LONGEST_PAUSE);
        pause.saturating_sub(now.since(self.last()))
    }
}

/// What is known when somebody tries to sign in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// This account from this address.
    pub pair: Failures,
    /// This address.
    pub address: Failures,
    /// This account from everywhere.
    pub account: Failures,
    /// This account from this browser, if its device cookie is valid for this account.
    pub device: Option<Failures>,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Look at the password.
    Open,
    /// Refuse without looking (429), and name this as `retry-after`.
    Wait(Duration),
}

impl Attempt {
    /// Whether the password may be looked at.
    #[must_use]
    pub fn gate(&self, now: Timestamp) -> Gate {
        let pause = if let Some(device) = self.device {
            device.pause(now, FREE_OF_PAIR)
        } else {
            let under_attack = self.account.count_at(now) >= UNDER_ATTACK;
            let free = if under_attack { FREE_OF_PAIR_UNDER_ATTACK } else { FREE_OF_PAIR };
            self.pair.pause(now, free).max(self.address.pause(now, FREE_OF_ADDRESS))
        };
        if pause.is_zero() { Gate::Open } else { Gate::Wait(pause) }
    }

    /// All counters after a wrong password or code. One from a known device counts for the device alone.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        if let Some(device) = self.device {
            return Self { device: Some(device.failed(now)), ..self };
        }
        Self {
            pair: self.pair.failed(now),
            address: self.address.failed(now),
            account: self.account.failed(now),
            device: None,
        }
    }

    /// All counters after a good sign-in. Those of the address and the account stay: otherwise an attacker with an account
    /// of their own would wipe them at will.
    #[must_use]
    pub fn succeeded(self) -> Self {
        Self { pair: Failures::default(), device: self.device.map(|_| Failures::default()), ..self }
    }
}

/// The key of a network address: an IPv4 address, or the /64 of an IPv6 address, which one customer has whole.
#[must_use]
pub fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[path = "lockout_tests.rs"]
mod tests;

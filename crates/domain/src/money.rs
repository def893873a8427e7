//! Money is an integer: nano-USD inside, decimal USD outside.

use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// 1e-9 US dollar: $3 per million tokens is 3,000 for each token, so that a price is never rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The price of `count` things at this price each; the largest amount if that is out of range.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// Decimal US dollars, for documents. Exact to 15 significant digits.
    #[must_use]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The amount of `usd` dollars, to the nearest nano-USD; `None` if it is not a finite amount from 0 up.
    #[must_use]
    pub fn from_usd(usd: f64) -> Option<Self> {
        (usd.is_finite() && (0.0..9e9).contains(&usd)).then(|| Self((usd * 1e9).round() as i64))
    }
}

impl Add for NanoUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}", self.as_usd())
    }
}

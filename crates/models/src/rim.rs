//! Time, randomness and sleep, passed in.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::Clock;

/// A pause under way.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What retries need of the world. Tests pass a clock that they move, fixed draws, and a sleep that returns at once.
#[derive(Clone)]
pub struct Rim {
    /// The time, for `Retry-After` dates and for cool-downs.
    pub clock: Arc<dyn Clock>,
    /// 64 random bits, for jitter.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Waits between tries. Limits on a single try use the runtime's own timer.
    pub sleep: Arc<dyn Fn(Duration) -> Sleep + Send + Sync>,
}

impl Rim {
    /// With the runtime's own sleep.
    pub fn new(clock: Arc<dyn Clock>, random: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { clock, random: Arc::new(random), sleep: Arc::new(|wait| Box::pin(tokio::time::sleep(wait))) }
    }
}

impl fmt::Debug for Rim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rim")
    }
}

//! The rim: the only place that asks the system for the time, for randomness and for the environment.

use std::path::PathBuf;

use domain::{Clock, Timestamp};

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the rim")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Random bytes of the kernel.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The kernel's generator fails only where there is none (a seccomp filter from outside): nothing works there.
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    bytes
}

/// A variable of the environment, if it is set to text.
#[expect(clippy::disallowed_methods, reason = "this is the rim")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// The platform's data directory for AAMAS.
pub fn default_data_dir() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "aamas").map(|dirs| dirs.data_dir().to_owned())
}

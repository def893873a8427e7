//! The engine's role in a server: it takes up what is asked in the store, of all organizations, and says there what
//! became of it. Nobody calls it; it looks.

pub mod fair;
mod local;
mod look;
mod operate;
mod prepare;
mod samples;
mod scheduler;
mod stack;
mod start;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use scheduler::Scheduler;

/// How the role behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs at once in this process. Default: the machine's cores, at least 2.
    pub parallel_runs: usize,
    /// Runs of one organization at once; none: only `parallel_runs` bounds it.
    pub parallel_runs_per_tenant: Option<usize>,
    /// How often the store is asked whether anything has changed. Default: 20 ms; the question costs microseconds.
    pub poll: Duration,
    /// How long runs are waited for when the process should end; what is left by then is taken up after the next start.
    /// Default: 30 s.
    pub grace: Duration,
    /// The model of tasks that name none, and whose project names none; none: what the environment has keys for.
    pub model: Option<String>,
    /// What repositories projects may have.
    pub repositories: Repositories,
}

/// What repositories projects may have.
#[derive(Clone, Debug, Default)]
pub struct Repositories {
    /// Whether repositories are fetched from loopback, private and link-local addresses too. Default: no.
    pub allow_private: bool,
    /// Directories that a repository of this server may lie in; empty: anywhere but in the data directory.
    pub roots: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            parallel_runs: cores.max(2),
            parallel_runs_per_tenant: None,
            poll: Duration::from_millis(20),
            grace: Duration::from_secs(30),
            model: None,
            repositories: Repositories::default(),
        }
    }
}

/// Lets somebody in the same process say that there is something new, ahead of the next look. What is rung while nobody
/// waits is heard by the next one who does.
#[derive(Clone, Debug, Default)]
pub struct Doorbell {
    rung: Arc<tokio::sync::Notify>,
}

impl Doorbell {
    /// Says that there is something new.
    pub fn ring(&self) {
        self.rung.notify_one();
    }

    async fn heard(&self) {
        self.rung.notified().await;
    }
}

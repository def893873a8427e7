//! The names of isolation.

use serde::{Deserialize, Serialize};

/// How strongly commands are kept apart from the machine. Recorded per run, never lowered in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Nothing.
    S0,
    /// Landlock, seccomp and resource limits.
    S1,
    /// As S1, in new user, mount, pid, network, ipc, uts and cgroup namespaces.
    S2,
    /// As S2, with memory and processes bounded by cgroups.
    S3,
}

impl Level {
    /// `S0` to `S3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
